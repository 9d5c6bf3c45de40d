import os
FIRST = {"cgroup": 4026531835, "pid": 4026531836, "user": 4026531837, "uts": 4026531838, "ipc": 4026531839, "time": 4026531834, "net": 4026531833}
for name, number in FIRST.items():
    try:
        if os.readlink(f"/proc/self/ns/{name}") == f"{name}:[{number}]":
            print("the first", name)
    except OSError:
        pass
print("held")
