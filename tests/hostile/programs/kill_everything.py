import os, signal
print("before")
for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
    for pid in (1, -1):
        try:
            os.kill(pid, number) if pid == 1 or number != signal.SIGSTOP else None
        except OSError:
            pass
for pid in range(2, 200):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
print("after")
os.kill(os.getpid(), signal.SIGKILL)
