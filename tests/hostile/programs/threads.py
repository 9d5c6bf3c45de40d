import threading, time
started = 0
try:
    while started < 300:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print("held" if started <= 65 else started)
