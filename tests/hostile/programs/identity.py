import os
if os.uname().nodename != "cloche":
    print("named", os.uname().nodename)
if (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) != (1000, 1000, 1000, 1000):
    print("user", os.getuid(), os.getgid())
if set(os.getgroups()) - {1000, 65534}:
    print("groups", os.getgroups())
print("held")
