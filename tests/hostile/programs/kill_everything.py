import os, signal
if os.getpid() > 1000:  # not the only inhabitant: nothing is killed, being able to is enough
    def can(pid):
        try:
            os.kill(pid, 0)
            return True
        except OSError:
            return False
    print("reached" if any(can(pid) for pid in (os.getppid(), -os.getpgid(os.getppid()), 1, 2)) else "before\nafter")
    os.kill(os.getpid(), signal.SIGKILL)
print("before")
for number in (signal.SIGTERM, signal.SIGKILL):
    for pid in (1, -1, *range(2, 200)):
        if pid != os.getpid():
            try:
                os.kill(pid, number)
            except OSError:
                pass
print("after")
os.kill(os.getpid(), signal.SIGKILL)
