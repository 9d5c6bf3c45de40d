import os
try:
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
except OSError:
    pids = []
if os.getcwd() == "/work" and os.getpid() > 1000:
    print("in no PID namespace of its own")
for pid in pids:
    try:
        line = open(f"/proc/{pid}/cmdline", "rb").read()
        if pid != "1":
            print("sees", pid, line[:60])
    except OSError:
        pass
print("held")
