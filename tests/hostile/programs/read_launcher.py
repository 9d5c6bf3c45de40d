import os
for pid in {1, os.getppid()} - {0}:
    for name in ("mem", "environ", "maps", "smaps", "auxv", "io", "personality", "syscall", "stack", "pagemap"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                file.read(1)
            print("read", name)
        except OSError:
            pass
    for name in ("fd/0", "fd/1", "cwd", "root", "exe", "ns/pid"):
        try:
            os.readlink(f"/proc/{pid}/{name}")
            print("followed", name)
        except OSError:
            pass
    for fd in range(8):
        try:
            os.close(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK))
            print("opened descriptor", fd)
        except OSError:
            pass
print("held")
