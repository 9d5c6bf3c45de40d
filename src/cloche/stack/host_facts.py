"""What the kernel lets this user isolate, found out by trying. It judges nothing: ``isolation`` does."""

import ctypes
import errno
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cloche.stack.accounts import is_root
from cloche.stack.cgroups import DelegatedCgroups, own_cgroups

_LIBC: Final = ctypes.CDLL(None, use_errno=True)

# Source: <sched.h>
_CLONE_NEWUSER: Final = 0x10000000
_NAMESPACES: Final = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "pid": 0x20000000,
    "network": 0x40000000,
}
# Source: landlock_create_ruleset(2); the number is the same on every architecture.
_SYS_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1

#: Each with the value that forbids namespaces.
USERNS_SYSCTLS: Final = {
    "kernel.unprivileged_userns_clone": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
    "user.max_user_namespaces": "0",
    "user.max_mnt_namespaces": "0",
    "user.max_pid_namespaces": "0",
    "user.max_net_namespaces": "0",
    "user.max_ipc_namespaces": "0",
    "user.max_uts_namespaces": "0",
    "user.max_cgroup_namespaces": "0",
}


@dataclass(frozen=True, slots=True)
class CgroupFacts:
    """``version`` is ``1``, ``2`` or ``none``, as mounted; ``writable`` the controllers that we may use."""

    version: str = "none"
    read_only: bool = False
    memory: bool = False
    writable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One machine as one user meets it. Errors are errno's numbers, 0 for none.

    ``refused`` names namespaces that can't be made; ``sysctls`` are those of ``USERNS_SYSCTLS`` that
    are there. ``landlock_abi`` is 0 where there is none, for ``landlock_error``. ``proc_error`` is
    what mounting a fresh ``/proc`` in namespaces of its own says. ``fork_error`` not 0: nothing
    else could be tried.
    """

    kernel: tuple[int, int] = (0, 0)
    root: bool = False
    fork_error: int = 0
    refused: tuple[str, ...] = ()
    proc_error: int = 0
    sysctls: dict[str, str] = field(default_factory=dict[str, str])
    seccomp: str = ""
    landlock_abi: int = 0
    landlock_error: int = 0
    cgroups: CgroupFacts = CgroupFacts()
    kvm_error: int = 0


def look() -> HostFacts:
    """Try everything. Blocks for a moment; changes nothing that stays."""
    fork_error = _in_child(lambda: 0)
    abi, landlock_error = _landlock()
    return HostFacts(
        kernel=_kernel(platform.release()),
        root=is_root(),
        fork_error=fork_error,
        refused=() if fork_error else _refused_namespaces(),
        proc_error=0 if fork_error else _in_child(_mount_proc),
        sysctls={name: value for name in USERNS_SYSCTLS if (value := _sysctl(name))},
        seccomp=_sysctl("kernel.seccomp.actions_avail"),
        landlock_abi=abi,
        landlock_error=landlock_error,
        cgroups=_cgroups(),
        kvm_error=_kvm(Path("/dev/kvm")),
    )


def _kernel(release: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _in_child(attempt: Callable[[], int]) -> int:
    """The errno that ``attempt`` returns in a process of its own, or that of making one."""
    try:
        child = os.fork()
    except OSError as error:
        return error.errno or errno.EAGAIN
    if child == 0:
        result = errno.EIO
        try:
            result = attempt()
        finally:
            os._exit(result)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _refused_namespaces() -> tuple[str, ...]:
    flags = {"user": 0, **_NAMESPACES}
    return tuple(name for name, flag in flags.items() if _in_child(lambda flag=flag: _unshare(_CLONE_NEWUSER | flag)))


def _unshare(flags: int) -> int:
    return 0 if _LIBC.unshare(flags) == 0 else ctypes.get_errno()


def _mount_proc() -> int:
    uid, gid = os.getuid(), os.getgid()
    refused = _unshare(_CLONE_NEWUSER | _NAMESPACES["mount"] | _NAMESPACES["pid"])
    if refused:
        return refused
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    # Only children of this process are in the new PID namespace.
    return _in_child(lambda: 0 if _LIBC.mount(b"proc", b"/proc", b"proc", 0, None) == 0 else ctypes.get_errno())


def _landlock() -> tuple[int, int]:
    abi = _LIBC.syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET),
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint(_LANDLOCK_CREATE_RULESET_VERSION),
    )
    return (abi, 0) if abi > 0 else (0, ctypes.get_errno())


def _cgroups() -> CgroupFacts:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    v1 = {option: fields for fields in mounts if fields[2] == "cgroup" for option in fields[3].split(",")}
    v2 = next((fields for fields in mounts if fields[2] == "cgroup2"), None)
    trial = DelegatedCgroups(Path(f"/doctor/{os.getpid()}"), may_move=False)
    trial.create(None)
    writable = tuple(sorted(trial.roots))
    trial.remove()
    if "memory" in v1 or (v1 and v2 is None):
        some = v1.get("memory") or next(iter(v1.values()))
        return CgroupFacts("1", "ro" in some[3].split(","), "memory" in v1, writable)
    if v2 is None:
        return CgroupFacts(writable=writable)
    controllers = Path(v2[1], own_cgroups().get("", "/").lstrip("/"), "cgroup.controllers")
    return CgroupFacts("2", "ro" in v2[3].split(","), "memory" in _read(controllers).split(), writable)


def _kvm(device: Path) -> int:
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _sysctl(name: str) -> str:
    return _read(Path("/proc/sys", name.replace(".", "/")))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
