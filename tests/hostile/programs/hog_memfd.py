import os
files = []
while len(files) < 60:
    files.append(os.memfd_create("hog"))
    for _ in range(8):
        os.write(files[-1], b"x" * (1 << 20))
print("fine")
