import os
for name in ("x", "y"):
    os.makedirs(f"{name}/deep/er")
    open(f"{name}/deep/er/file", "w").close()
    for place in (f"{name}/deep/er", f"{name}/deep", name, "."):
        try:
            os.chmod(place, 0 if place != "." else 0o500)
        except OSError:
            pass
    if name == "x":
        os.chmod(".", 0o700) if not os.access(".", os.W_OK) else None
print("held")
