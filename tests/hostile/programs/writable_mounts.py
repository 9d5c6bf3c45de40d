allowed = {"/work", "/tmp", "/dev/shm", "/proc", "/dev", "/dev/pts", "/dev/mqueue"}
devices = {"/dev/" + name for name in ("null", "zero", "full", "random", "urandom", "tty")}
for line in open("/proc/self/mounts"):
    source, place, kind, options, *_ = line.split()
    if "rw" in options.split(",") and place not in allowed | devices:
        print("writable", place, kind)
    if place in ("/work", "/tmp", "/dev/shm") and kind != "tmpfs":
        print("not a file system of its own:", place, kind)
print("held")
