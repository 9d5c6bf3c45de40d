import os, time
print("parent", flush=True)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        time.sleep(1)
        while True:
            os.write(1, b"late\n")
            time.sleep(0.1)
