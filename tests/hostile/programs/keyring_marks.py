import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
add_key, keyctl = (248, 250) if os.uname().machine == "x86_64" else (217, 219)
for ring in (-4, -5, -3):
    if libc.syscall(keyctl, 10, ring, b"user", b"cloche-mark", 0) >= 0:
        print("found in", ring)
    if libc.syscall(add_key, b"user", b"cloche-mark", b"x", 1, ring) >= 0:
        print("left in", ring)
print("held")
