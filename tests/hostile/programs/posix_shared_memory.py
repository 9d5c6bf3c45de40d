import os
if os.path.isdir("/dev/shm"):
    try:
        seen = os.listdir("/dev/shm")
    except OSError:
        seen = []
    if seen:
        print("found", seen[:5])
    try:
        with open("/dev/shm/cloche-hostile", "x") as file:
            file.write("x")
    except OSError:
        pass
print("held")
