import os, time
for _ in range(16):
    try:
        if os.fork() == 0:
            break
    except OSError:
        break
hog = []
for _ in range(40):
    hog.append(b"\1" * (1 << 20))
time.sleep(1)
