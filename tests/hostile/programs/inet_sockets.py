import socket
for family in range(50):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        if family == socket.AF_UNIX:
            continue
        for protocol in (0, 1, 6, 17, 255):
            try:
                socket.socket(family, kind, protocol).close()
                print("made", family, kind, protocol)
            except OSError:
                pass
print("held")
