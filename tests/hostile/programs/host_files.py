import os, sys
OWN = {"/etc/hostname", "/etc/fstab", "/var/log", "/var/lib", "/home", "/boot", "/opt", "/srv", "/mnt", "/media"}
places = ("/tmp/cloche-bait", "/etc/shadow", "/etc/ssh", "/etc/machine-id", "/etc/hostname", "/etc/fstab", "/var/log", "/var/lib", "/home", "/boot", "/opt", "/srv", "/mnt", "/media", "/root/.ssh", "/root/.bashrc", "/root/.bash_history", "/run/docker.sock", "/sys/class", "/proc/1/root/etc/shadow")
for path in places:
    if "image" in sys.argv and path in OWN:
        continue
    try:
        listed = sorted(os.listdir(path)) if os.path.isdir(path) else open(path, "rb").read(16)
        if listed or "image" not in sys.argv:
            print("read", path, listed[:3])
    except OSError:
        pass
print("held")
