import os
for name in ("uid_map", "gid_map"):
    rows = [[int(n) for n in line.split()] for line in open(f"/proc/self/{name}")]
    if sum(count for _, _, count in rows) > 2:
        print("many users:", name, rows)
    if any(outside < 1000 for _, outside, _ in rows):
        print("mapped to a user of the system:", name, rows)
for change in (lambda: os.setuid(0), lambda: os.setresuid(65534, 65534, 65534), lambda: os.setgroups([0]), lambda: os.setgid(0)):
    try:
        change()
        print("became another user", os.getresuid())
    except OSError:
        pass
print("held")
