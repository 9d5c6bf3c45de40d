import ctypes, os
open("file", "w").close()
try:
    os.setxattr("file", "security.capability", b"\x01\x00\x00\x02" + b"\xff" * 16)
    print("capabilities on a file")
except OSError:
    pass
for uid in (0, 1, 65534):
    try:
        os.chown("file", uid, uid)
        print("given to", uid)
    except OSError:
        pass
if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) != 1:
    print("new privileges may be had")
print("held")
