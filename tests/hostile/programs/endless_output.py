import os, threading
def flood(fd):
    while True:
        os.write(fd, b"A" * 65536)
threading.Thread(target=flood, args=(2,)).start()
flood(1)
