import os, time
os.closerange(0, 256)
time.sleep(0.1)
os._exit(6)
