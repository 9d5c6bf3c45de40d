import os, sys
allowed = {"/work", "/tmp", "/dev/shm", "/proc", "/dev", "/dev/pts", "/dev/mqueue"}
devices = {"/dev/" + name for name in ("null", "zero", "full", "random", "urandom", "tty")}
for line in open("/proc/self/mounts"):
    source, place, kind, options, *_ = line.split()
    if "rw" in options.split(",") and place not in allowed | devices:
        if "reach" in sys.argv and (not os.access(place, os.W_OK) or os.stat(place).st_rdev == os.stat("/dev/null").st_rdev):
            continue
        print("writable", place, kind)
    if place in ("/work", "/tmp", "/dev/shm") and kind != "tmpfs":
        print("not a file system of its own:", place, kind)
print("held")
