import os
if os.fork() == 0:
    hog = []
    while True:
        hog.append(bytearray(8 * 1024 * 1024))
os.wait()
print("fine")
raise SystemExit(0)
