try:
    bytearray(1 << 44)
    print("a terabyte")
except MemoryError:
    print("refused", flush=True)
hog = bytearray(b"\1") * (400 * 1024 * 1024)
print("fine")
