"""What the filter promises, told by names: a second telling, to compare the launcher's table with."""

import errno
import fcntl
import os
import resource
import socket
import stat
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

#: An architecture's numbers end here; what comes later is not known to be harmless.
NEWEST = 469
UNIX, LOOPBACK, NONE, SHARED = 0, 1, 2, 16
WITHOUT_EFFECT = 0

_ABSENT = {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"}
_REFUSED_WORDS = """
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open pidfd_getfd unshare
    setns mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
    mount_setattr statmount listmount bpf perf_event_open userfaultfd memfd_secret vmsplice modify_ldt uselib
    lookup_dcookie keyctl add_key request_key init_module finit_module delete_module create_module kexec_load
    kexec_file_load reboot swapon swapoff acct quotactl quotactl_fd syslog vhangup iopl ioperm nfsservctl
    sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime sync syncfs mbind set_mempolicy
    set_mempolicy_home_node migrate_pages move_pages shmget shmat shmctl semget semop semtimedop semctl msgget
    msgsnd msgrcv msgctl mq_open mq_unlink io_setup inotify_init inotify_init1 fanotify_init fanotify_mark cachestat
    name_to_handle_at open_by_handle_at sysfs ustat
"""
_REFUSED = set(_REFUSED_WORDS.split())
_REFUSED_WITHOUT_SOCKETS = {"socket", "connect", "bind", "listen"}
_REFUSED_IF_SHARED_WORDS = """
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr setxattrat removexattr
    lremovexattr fremovexattr removexattrat utime utimes futimesat utimensat file_setattr
"""
_REFUSED_IF_SHARED = set(_REFUSED_IF_SHARED_WORDS.split())

_NAMESPACES = 0x7E020000
_FILE_SYSTEM_IOCTLS = (0x40086602, 0x40087602, 0x401C5820, 0x40806685, 0x40047211, 0x5000940E)
_TERMINAL_IOCTLS = (termios.TIOCSTI, termios.TIOCLINUX, termios.TIOCSETD)
_KINDS = (1, 2, 3, 4, 5, 6, 10, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
_ONE, _TWO, _MINUS_ONE, _PID = 1, 2, 0xFFFFFFFF, 4711
_LIMITS = (resource.RLIMIT_CORE, resource.RLIMIT_RSS, resource.RLIMIT_NOFILE, 0, _MINUS_ONE)


def _internet(family: int, kind: int, protocol: int) -> bool:
    return (
        family in (socket.AF_INET, socket.AF_INET6)
        and kind & 0xF in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        and protocol in (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)
    )


def _local_pair(family: int, kind: int, mode: int) -> bool:
    return family == socket.AF_UNIX and (mode & 15 != NONE or kind & 0xF in (1, 5))


def _plain_option(level: int, option: int) -> bool:
    return not ((level == 1 and option in (26, 50, 51, 52)) or (level == 6 and option == 31))


@dataclass(frozen=True)
class Check:
    """Arguments worth trying, by position, and which of them are let through in which mode."""

    tried: dict[int, tuple[int, ...]]
    passes: Callable[[tuple[int, ...], int], bool]


def _own(position: int) -> Check:
    return Check({position: (0, _ONE, _PID, _MINUS_ONE)}, lambda a, _: a[position] == 0)


def _own_priority(largest: int) -> Check:
    return Check(
        {0: (0, _ONE, _TWO, 3, _MINUS_ONE), 1: (0, _ONE, _PID, _MINUS_ONE)}, lambda a, _: a[0] <= largest and a[1] == 0
    )


def _no_bit(position: int, bit: int) -> Check:
    return Check(
        {position: (0, bit, bit | 3, bit << 1, bit >> 1, _MINUS_ONE, _MINUS_ONE ^ bit)},
        lambda a, _: not a[position] & bit,
    )


def _none_of(position: int, refused: tuple[int, ...], *others: int) -> Check:
    return Check({position: (*refused, *others, 0, _MINUS_ONE)}, lambda a, _: a[position] not in refused)


def _no_device(position: int) -> Check:
    modes = (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, 0, stat.S_IFCHR | 0o666)
    return Check({position: modes}, lambda a, _: stat.S_IFMT(a[position]) not in (stat.S_IFCHR, stat.S_IFBLK))


CHECKS = {
    **dict.fromkeys(("sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity"), _own(0)),
    "prlimit64": Check({**_own(0).tried, 1: _LIMITS, 2: (0, _ONE, _MINUS_ONE)}, _own(0).passes),
    "setrlimit": Check({0: _LIMITS}, lambda *_: True),
    "setpriority": _own_priority(1),
    "ioprio_set": _own_priority(2),
    "clone": Check(
        {0: (0, 17, 0x01200011, 0x003D0F00, *(1 << bit for bit in range(32)), _MINUS_ONE)},
        lambda a, _: not a[0] & _NAMESPACES,
    ),
    "personality": Check(
        {0: (0, _MINUS_ONE, 0x40000, 0x8, 0x400000, 0x440000, 0x20000)},
        lambda a, _: a[0] in (0, _MINUS_ONE, 0x40000),
    ),
    "seccomp": _none_of(0, (1,), 2, 3),
    "prctl": _none_of(0, (22, 62), 4, 15, 36, 38),
    "fcntl": _none_of(1, (fcntl.F_SETLEASE, fcntl.F_NOTIFY, 1040), fcntl.F_SETFL, fcntl.F_SETPIPE_SZ, 1025, 1030),
    "ioctl": Check(
        {1: (*_TERMINAL_IOCTLS, *_FILE_SYSTEM_IOCTLS, termios.TCGETS, termios.TIOCGWINSZ, termios.FIONREAD, 0)},
        lambda a, mode: a[1] not in _TERMINAL_IOCTLS and not (mode & SHARED and a[1] in _FILE_SYSTEM_IOCTLS),
    ),
    "mknod": _no_device(1),
    "mknodat": _no_device(2),
    "mmap": _no_bit(3, 0x40000),
    "memfd_create": _no_bit(1, os.MFD_HUGETLB),
    "socket": Check(
        {0: tuple(range(50)), 1: _KINDS, 2: (0, 1, 6, 17, 41, 58, 132, 136, 255, 262)},
        lambda a, mode: a[0] == socket.AF_UNIX or (mode & 15 == LOOPBACK and _internet(*a[:3])),
    ),
    "socketpair": Check({0: tuple(range(50)), 1: _KINDS}, lambda a, mode: _local_pair(a[0], a[1], mode)),
    "setsockopt": Check({1: (0, 1, 6, 17, 41), 2: (*range(100), _MINUS_ONE)}, lambda a, _: _plain_option(a[1], a[2])),
    "sendto": _no_bit(3, socket.MSG_OOB),
    "sendmsg": _no_bit(2, socket.MSG_OOB),
    "sendmmsg": _no_bit(3, socket.MSG_OOB),
}
POLICED = _ABSENT | _REFUSED | _REFUSED_WITHOUT_SOCKETS | _REFUSED_IF_SHARED | set(CHECKS)


def _sets_core_limit(name: str | None, args: tuple[int, ...]) -> bool:
    """Of a pointer both halves count."""
    if name == "prlimit64":
        return args[1] & 0xFFFFFFFF == resource.RLIMIT_CORE and args[2] != 0
    return name == "setrlimit" and args[0] & 0xFFFFFFFF == resource.RLIMIT_CORE


def expected(name: str | None, number: int, args: tuple[int, ...], mode: int) -> int | None:
    """The error number, by the low halves of the arguments; None if the call is let through."""
    if number > NEWEST or name in _ABSENT:
        return errno.ENOSYS
    refused = (
        name in _REFUSED
        or (mode & 15 == NONE and name in _REFUSED_WITHOUT_SOCKETS)
        or (mode & SHARED and name in _REFUSED_IF_SHARED)
        or (name in CHECKS and not CHECKS[name].passes(tuple(arg & 0xFFFFFFFF for arg in args), mode))
    )
    if refused:
        return errno.EPERM
    return WITHOUT_EFFECT if _sets_core_limit(name, args) else None


def telling_arguments(name: str | None) -> Iterator[tuple[int, ...]]:
    """Each as it is, and with high halves set, which the kernel drops but from pointers."""
    tried = CHECKS[name].tried if name in CHECKS else {}
    for values in product(*(tried.get(position, (0, _MINUS_ONE)) for position in range(4))):
        yield (*values, 0, 0)
        yield tuple(value | 0xABCD << 32 for value in (*values, 0, 0))
