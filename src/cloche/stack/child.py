"""The first moments of a child process: hide homes, drop privileges, ask to die with the parent, exec.

Runs as a script with the standard library alone (``python -I -S child.py SPEC``), so that it
starts in milliseconds and needs no virtual environment. SPEC is a JSON object written by
``cloche.stack.spawn``; it holds nothing secret.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypedDict

_LIBC = ctypes.CDLL(None, use_errno=True)

# Source: <sched.h>, <sys/mount.h>, <linux/prctl.h>
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 32, 4096
_MS_REC, _MS_PRIVATE = 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


class Spec(TypedDict):
    """What becomes of the child. ``uid`` None keeps the caller's identity and its view of the files.

    ``users`` (first, count) makes it the root of a user namespace in which it is 0 and these users of the host are
    1 and up: it may give them to its children, and has no power over anything else.
    """

    argv: list[str]
    parent: int
    death_signal: int
    uid: int | None
    gid: int
    groups: list[int]
    users: tuple[int, int] | None
    exposed: list[tuple[str, bool]]
    cgroup: str | None


def main() -> NoReturn:
    """Become what SPEC says; never returns."""
    spec: Spec = json.loads(sys.argv[1])
    uid = spec["uid"]
    if spec["cgroup"] is not None:
        Path(spec["cgroup"], "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    if uid is not None:
        _expose(spec["exposed"], uid, {spec["gid"], *spec["groups"]})
        os.setgroups(spec["groups"])
        if spec["users"] is None or not _enter_user_namespace(uid, spec["gid"], *spec["users"]):
            os.setresgid(spec["gid"], spec["gid"], spec["gid"])
            os.setresuid(uid, uid, uid)
        os.chdir("/")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # After the change of user, which clears it. Source: prctl(2).
    die_with_parent(spec["parent"], spec["death_signal"])
    # Cells inherit it, and only 1 keeps a dump from a pipe in core_pattern too. Source: Linux, fs/coredump.c.
    core = 1 if resource.getrlimit(resource.RLIMIT_CORE)[1] else 0
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o077)
    os.execv(spec["argv"][0], spec["argv"])  # noqa: S606  (this is what the program is for)


def _enter_user_namespace(uid: int, gid: int, first: int, count: int) -> bool:
    """Become 0 of a new user namespace that maps it to ``uid``; False where the kernel makes none.

    A process can't map others' users for itself: one that stays outside does.
    """
    entered_read, entered_write = os.pipe()
    me = os.getpid()
    outside = os.fork()
    if outside == 0:
        if os.read(entered_read, 1) == b"1":
            Path(f"/proc/{me}/uid_map").write_text(f"0 {uid} 1\n1 {first} {count}\n", encoding="ascii")
            Path(f"/proc/{me}/gid_map").write_text(f"0 {gid} 1\n1 {first} {count}\n", encoding="ascii")
        os._exit(0)
    entered = _LIBC.unshare(_CLONE_NEWUSER) == 0
    os.write(entered_write, b"1" if entered else b"0")
    _, status = os.waitpid(outside, 0)
    os.close(entered_read)
    os.close(entered_write)
    if not entered:
        return False
    if status != 0:
        raise OSError("no users could be mapped for the cells")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    return True


def die_with_parent(parent: int, number: int) -> None:
    """Get signal ``number`` when the thread that started this process ends; exit now if it already has."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(0)


def closed_parent(path: str, uid: int, groups: set[int]) -> str | None:
    """The topmost directory above ``path`` that this identity can't pass through, or None."""
    for parent in reversed(Path(path).resolve().parents):
        status = parent.stat()
        if status.st_uid == uid:
            open_to_us = status.st_mode & 0o100
        elif status.st_gid in groups:
            open_to_us = status.st_mode & 0o010
        else:
            open_to_us = status.st_mode & 0o001
        if not open_to_us:
            return str(parent)
    return None


def _expose(exposed: Sequence[tuple[str, bool]], uid: int, groups: set[int]) -> None:
    """Show each path that lies below a closed directory at its own place, and nothing else there.

    An empty tmpfs covers the closed directory in a mount namespace of this process's own; the
    wanted paths are bound back into it, read-only unless the second member is true.
    """
    hidden: dict[str, list[tuple[str, bool]]] = {}
    for path, writable in exposed:
        real = str(Path(path).resolve())
        parent = closed_parent(real, uid, groups)
        if parent is not None:
            hidden.setdefault(parent, []).append((real, writable))
    if not hidden:
        return
    _check(_LIBC.unshare(_CLONE_NEWNS), "unshare")
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    os.umask(0o022)
    for parent, paths in hidden.items():
        held = [(path, os.open(path, os.O_PATH), Path(path).is_dir(), writable) for path, writable in sorted(paths)]
        _mount("tmpfs", parent, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=64k")
        for path, descriptor, is_dir, writable in held:
            _bind(path, descriptor, is_dir=is_dir, writable=writable)
            os.close(descriptor)
        _mount("none", parent, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _bind(path: str, descriptor: int, *, is_dir: bool, writable: bool) -> None:
    if is_dir:
        Path(path).mkdir(parents=True, exist_ok=True)
    else:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    _mount(f"/proc/self/fd/{descriptor}", path, None, _MS_BIND)
    flags = _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NODEV
    _mount("none", path, None, flags if writable else flags | _MS_RDONLY)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded: list[Any] = [None if text is None else text.encode() for text in (source, target, kind, data)]
    _check(_LIBC.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]), f"mount on {target}")


def _prctl(option: int, value: int) -> None:
    _check(_LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
