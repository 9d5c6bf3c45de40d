import time
hog = []
while len(hog) < 1200:
    hog.append(b"\1" * (256 * 1024))
    if len(hog) % 40 == 0:
        time.sleep(0.01)
print("fine")
