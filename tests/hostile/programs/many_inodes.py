import os
for place in ("/work", "/tmp", "/dev/shm"):
    made = 0
    try:
        while made < 4000:
            (os.mkdir if made % 2 else lambda path: os.symlink("x", path))(f"{place}/n{made}")
            made += 1
    except OSError:
        pass
    if made > 1100:
        print(place, made)
print("held")
