import ctypes, os, resource, subprocess
core, call = resource.RLIMIT_CORE, ctypes.CDLL(None).syscall
setrlimit = 160 if os.uname().machine == "x86_64" else 164
for limits in ((0, 1), (0, 0), (1, 1)):
    resource.setrlimit(core, limits)
    call(setrlimit, core, (ctypes.c_ulong * 2)(*limits))
    if resource.getrlimit(core) != (1, 1):
        print("changed to", resource.getrlimit(core))
subprocess.run(["sh", "-c", "ulimit -c 0 && ulimit -Hc 0 && echo held"])
