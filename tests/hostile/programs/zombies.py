import os
made = 0
for _ in range(30):
    try:
        if os.fork() == 0:
            try:
                os.fork()
            finally:
                os._exit(0)
        made += 1
    except OSError:
        break
print("zombies", made > 0)
