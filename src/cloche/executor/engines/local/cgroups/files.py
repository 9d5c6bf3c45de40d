"""The files and directories of a cgroup. Strings, because Path objects cost as much as the calls here."""

import contextlib
import os
import signal


def read(path: str) -> str:
    """The text, empty where there is none."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123  (as above)
            return file.read()
    except OSError:
        return ""


def read_int(path: str) -> int:
    """The number, 0 where there is none or it says ``max``."""
    text = read(path).strip()
    return int(text) if text.isdigit() else 0


def read_field(path: str, *names: str) -> int:
    """The sum of the named lines of a file of ``name number`` lines."""
    pairs = (line.split() for line in read(path).splitlines())
    return sum(int(pair[1]) for pair in pairs if pair[0] in names)


def write(path: str, value: int | str) -> None:
    """Write it, as one call.

    Raises:
        OSError: the kernel refused, or there is no such file.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def write_if_there(path: str, value: int) -> None:
    """As ``write``, where a kernel may lack the file."""
    with contextlib.suppress(FileNotFoundError):
        write(path, value)


def kill(group: str) -> None:
    """SIGKILL to everything in a group, and nothing new in it. What is frozen by version 1 dies once thawed."""
    with contextlib.suppress(OSError):
        write(f"{group}/cgroup.kill", 1)  # since Linux 5.14
        return
    with contextlib.suppress(OSError):
        write(f"{group}/pids.max", 0)
    for pid in read(f"{group}/cgroup.procs").split():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(pid), signal.SIGKILL)


def remove(group: str) -> bool:
    """Remove a group, which only an empty one allows; whether it is gone."""
    try:
        os.rmdir(group)  # noqa: PTH106  (as above)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
