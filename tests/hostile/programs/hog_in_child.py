import os, time
if os.fork() == 0:
    hog = []
    for _ in range(40):
        hog.append(b"\1" * (8 * 1024 * 1024))
    time.sleep(1)
os.wait()
print("fine")
raise SystemExit(0)
