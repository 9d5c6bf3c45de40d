import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
try:
    open("/proc/self/status").close()
    in_namespaces = True
except OSError:
    in_namespaces = False  # an ordinary user's process cell keeps a bounding set, of no use to it
for number in range(41):
    if in_namespaces and libc.prctl(23, number, 0, 0, 0) == 1:
        print("in the bounding set:", number)
        break
head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
if libc.capget(head, data) == 0 and any(data):
    print("has", list(data))
full = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
if libc.capset(head, full) == 0:
    print("set them")
if libc.prctl(47, 2, 21, 0, 0) == 0:
    print("ambient")
print("held")
