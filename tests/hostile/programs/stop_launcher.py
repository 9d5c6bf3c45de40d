import os, signal
for pid in {1, os.getppid(), -os.getppid()} - {0, -0}:
    for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        try:
            if pid != -1:
                os.kill(pid, number)
        except OSError:
            pass
print("held")
