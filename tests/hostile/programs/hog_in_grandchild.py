import os, time
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(reading)
        hog = []
        for _ in range(40):
            hog.append(b"\1" * (8 * 1024 * 1024))
        time.sleep(1)
    os._exit(0)
os.wait()
os.close(writing)
os.read(reading, 1)
print("fine")
