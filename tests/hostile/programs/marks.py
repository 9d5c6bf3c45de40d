import os
places = (".", "/work", "/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", os.environ.get("TMPDIR", "."), os.environ.get("HOME", "."))
for place in places:
    if os.path.exists(f"{place}/hostile-mark") and not os.path.samefile(place, "."):
        print("found in", place)
if os.path.exists("hostile-mark"):
    print("found at home")
for place in places:
    try:
        with open(f"{place}/hostile-mark", "x") as file:
            file.write("x")
    except OSError:
        pass
print("held")
