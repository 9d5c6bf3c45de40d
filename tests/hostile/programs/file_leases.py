import fcntl, os
SET_DELEGATION = 1040
file, directory = os.open("leased", os.O_RDWR | os.O_CREAT), os.open(".", os.O_RDONLY)
for what, fd, command, value in (
    ("leased for writing", file, fcntl.F_SETLEASE, fcntl.F_WRLCK),
    ("leased for reading", file, fcntl.F_SETLEASE, fcntl.F_RDLCK),
    ("watched", directory, fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT),
    ("delegated", directory, SET_DELEGATION, b"\0" * 8),
):
    try:
        fcntl.fcntl(fd, command, value)
        print(what)
    except PermissionError:
        pass
    except OSError as error:
        print("asked to be", what, error)
print("held")
