import array
import socket

# Each name is bound to a socket that only sockets in a circle hold: nobody's any more, and still there.
MARK = "cloche-mark-"


def leave(name):
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("\0" + name)
    listener.listen()
    passed = array.array("i", [here.fileno(), there.fileno(), listener.fileno()])
    for end in (here, there):
        end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
    for one in (here, there, listener):
        one.close()


with open("/proc/net/unix") as file:
    left = sum(MARK in line for line in file)
print(f"{left} left by others" if left else "held")
try:
    for number in range(8):
        leave(f"{MARK}{number}")
except OSError as error:  # what is in flight counts as its user's
    print(error)
