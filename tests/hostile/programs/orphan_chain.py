import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
first = os.getpid()
if os.fork() == 0:
    for _ in range(400):
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        while True:
            try:
                if os.fork() != 0:
                    os._exit(0)
                break
            except OSError:
                pass
while True:
    time.sleep(1)
