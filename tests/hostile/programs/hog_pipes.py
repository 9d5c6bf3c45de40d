import fcntl, os, socket
ends = []
total = 0
try:
    for _ in range(400):
        pair = [s.detach() for s in socket.socketpair()] if len(ends) % 2 else list(os.pipe())
        ends.append(pair)
        try:
            fcntl.fcntl(pair[1], 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(pair[1], False)
        try:
            while True:
                total += os.write(pair[1], b"x" * 65536)
        except BlockingIOError:
            pass
    print("four hundred")
except OSError:
    print("held" if total < 256 * 1024 * 1024 and len(ends) < 64 else total)
