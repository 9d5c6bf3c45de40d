import os
reached = []
for pid in [1, 2, os.getppid(), *range(os.getpid() - 200, os.getpid())]:
    if pid in (0, os.getpid()):
        continue
    try:
        os.kill(pid, 0)
        reached.append(pid)
    except OSError:
        pass
print("held" if not reached else f"could signal {reached}")
