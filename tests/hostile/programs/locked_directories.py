import os
for name in ("x", "y"):
    os.makedirs(f"{name}/deep/er")
    open(f"{name}/deep/er/file", "w").close()
    os.chmod(f"{name}/deep/er", 0)
    os.chmod(f"{name}/deep", 0)
    os.chmod(name, 0)
os.chmod("/work" if os.getcwd() == "/work" else ".", 0o500)
print("held")
