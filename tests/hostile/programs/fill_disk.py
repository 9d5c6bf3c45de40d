import os
written, names = 0, 0
try:
    with open("fill", "wb", buffering=0) as file:
        while True:
            written += file.write(b"x" * 65536)
except OSError as error:
    print("disk", error.errno, written <= 4 * 1024 * 1024)
