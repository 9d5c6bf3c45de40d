for place in ("/work", "/tmp", "/dev/shm"):
    written = 0
    try:
        with open(place + "/fill", "wb", buffering=0) as file:
            while written < 64 * 1024 * 1024:
                written += file.write(b"x" * 65536)
    except OSError:
        pass
    if written > 16 * 1024 * 1024:
        print(place, written)
print("held")
