"""Which number is which call, on either architecture: libseccomp's word, not the launcher's."""

from pyseccomp import Arch, resolve_syscall

ARCHES: dict[str, int] = {"x86_64": Arch.X86_64, "aarch64": Arch.AARCH64}

#: From 424 on a number means the same everywhere; libseccomp may be older than some. Source: Linux 6.17, syscall.tbl.
_SAME_EVERYWHERE = """
    pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount
    fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr
    quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease
    futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue
    statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat
    removexattrat open_tree_attr file_getattr file_setattr
"""
_NEWER = dict(enumerate(_SAME_EVERYWHERE.split(), start=424))


def name_of(arch: str, number: int) -> str | None:
    """None where the architecture has no such call."""
    if number in _NEWER:
        return _NEWER[number]
    try:
        return resolve_syscall(ARCHES[arch], number).decode()
    except ValueError:
        return None
