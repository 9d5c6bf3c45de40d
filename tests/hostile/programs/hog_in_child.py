import os
if os.fork() == 0:
    hog = []
    for _ in range(40):
        hog.append(b"\1" * (8 * 1024 * 1024))
os.wait()
print("fine")
raise SystemExit(0)
