import socket
targets = [("1.1.1.1", 53), ("169.254.169.254", 80), ("10.0.0.1", 80), ("127.0.0.1", 22), ("127.0.0.1", 5432), ("127.0.0.1", 8400)]
for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)):
    for target in targets:
        try:
            with socket.socket(family, kind) as s:
                s.settimeout(0.5)
                s.connect(target)
                if kind == socket.SOCK_STREAM or target[0] != "127.0.0.1":
                    print("reached", target)
        except OSError:
            pass
for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW), (40, socket.SOCK_STREAM), (38, socket.SOCK_SEQPACKET)):
    try:
        socket.socket(family, kind)
        print("made", family)
    except OSError:
        pass
try:
    socket.getaddrinfo("example.org", 80)
    print("resolved")
except OSError:
    pass
print("end")
