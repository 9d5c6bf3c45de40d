import os
for _ in range(16):
    try:
        if os.fork() == 0:
            break
    except OSError:
        break
hog = []
while True:
    hog.append(b"\1" * (1 << 20))
