import os, socket
for name in ("main.py.fifo", "a", "b"):
    os.mkfifo(name)
left, right = socket.socketpair()
try:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("listening")
    listener.listen()
except OSError:
    pass
os.symlink("loop", "loop")
os.symlink("/dev/zero", "zero")
print("held")
