import os
with open("sparse", "wb") as file:
    for size in (1 << 44, 1 << 40, 1 << 30, 32 * 1024 * 1024):
        try:
            os.ftruncate(file.fileno(), size)
            print("made", size)
        except OSError:
            pass
print("held")
