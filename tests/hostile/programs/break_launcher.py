import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
broke = []
for which in range(16):
    try:
        resource.prlimit(1, which, (0, 0))
        broke.append(("prlimit", which))
    except OSError:
        pass
for request in (16, 0x4206):
    if libc.ptrace(request, 1, 0, 0) == 0:
        broke.append(("ptrace", request))
for name, value in (("oom_score_adj", "1000"), ("clear_refs", "1"), ("comm", "x"), ("timerslack_ns", "1"), ("coredump_filter", "0")):
    try:
        with open(f"/proc/1/{name}", "w") as file:
            file.write(value)
        broke.append(name)
    except OSError:
        pass
try:
    os.setpriority(os.PRIO_USER, 0, 19)
    broke.append("nice")
except OSError:
    pass
print(broke)
