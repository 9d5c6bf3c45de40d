import os, time
try:
    print([line.split()[1] for line in open("/proc/self/uid_map")] if os.getuid() == 1000 else os.getuid())
except OSError:
    print(os.getuid())
time.sleep(1.5)
