import os, socket
place = "/tmp" if os.getcwd() != "/tmp" else "/var/tmp"
for attempt in (
    lambda: os.truncate("/tmp/cloche-bait", 0),
    lambda: os.rename("main.py", "/var/tmp/hostile-mark"),
    lambda: os.link("main.py", "/var/tmp/hostile-mark"),
    lambda: os.mkdir("/var/tmp/hostile-mark"),
    lambda: os.mkfifo("/var/tmp/hostile-mark"),
    lambda: os.symlink("x", "/var/tmp/hostile-mark"),
    lambda: os.open("/var/tmp", os.O_TMPFILE | os.O_RDWR),
    lambda: os.open("/var/tmp/hostile-mark", os.O_CREAT | os.O_WRONLY),
    lambda: os.listdir("/var/tmp"),
    lambda: os.listdir("/home"),
    lambda: os.listdir("/proc"),
    lambda: os.unlink("/tmp/cloche-bait"),
):
    try:
        attempt()
        print("did", attempt.__code__.co_names, attempt.__code__.co_consts)
    except OSError:
        pass
print("held")
