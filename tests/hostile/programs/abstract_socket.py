import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    for name in ("\0cloche-bait", "\0/tmp/.X11-unix/X0", "\0/containerd-shim/x", "\0dbus"):
        try:
            with socket.socket(socket.AF_UNIX, kind) as s:
                s.connect(name)
                print("reached", repr(name))
        except OSError:
            pass
print("held")
