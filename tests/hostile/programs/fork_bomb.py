import os, time
reading, writing = os.pipe()
first, depth, end = os.getpid(), 0, time.monotonic() + 1
while depth < 8 and time.monotonic() < end:
    try:
        if os.fork() == 0:
            os.write(writing, b"x")
        depth += 1
    except OSError:
        pass
if os.getpid() == first:
    while time.monotonic() < end:
        pass
    alive = len(os.read(reading, 65536))
    if alive > 150:
        print(alive, "processes")
while True:
    time.sleep(1)
