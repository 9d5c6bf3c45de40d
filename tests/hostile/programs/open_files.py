import os, resource
for limit in ((1024, 1024), (41, 41)):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        print("raised")
    except (OSError, ValueError):
        pass
files = 0
try:
    while files < 2000:
        os.dup(1)
        files += 1
except OSError:
    pass
print("held" if files <= 40 else files)
