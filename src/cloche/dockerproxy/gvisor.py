"""What a container has otherwise whose OCI runtime is gVisor's: its kernel is in the container and in its cgroups, too.

The launcher holds programs to the order there; the cgroups bound what that kernel holds for them.
"""

from typing import Final

_RUNTIME: Final = "runsc"
#: That kernel's own, and what a program takes before the launcher sees it. Source: measured with release 20221219 on
#: ptrace: 15 MiB idle, 45 with 60 processes; up to 35 taken between two samples on an idle machine.
_KERNEL_BYTES: Final = 128 * 1024 * 1024
#: Idle it is 30 tasks of the host. Source: as above: 8 more for each process that sleeps, 1 for each thread.
_KERNEL_TASKS: Final = 128
_HOST_TASKS_EACH: Final = 8
#: For programs of another user: to become it, to end its processes, and to leave no capability.
_CAPABILITIES: Final = ("KILL", "SETGID", "SETPCAP", "SETUID")


def is_gvisor(runtime: str) -> bool:
    """Whether the Engine's OCI runtime of that name is gVisor's; the launcher then says whether it really is."""
    return runtime.startswith(_RUNTIME)


def memory_bytes(ordered: int, runtime: str) -> int:
    """What the container's cgroup allows."""
    return ordered + (_KERNEL_BYTES if is_gvisor(runtime) else 0)


def tasks(ordered: int, runtime: str) -> int:
    """What the container's cgroup allows: as ordered, and the launcher; of gVisor's all that they are made of."""
    own = ordered + 1
    return own * _HOST_TASKS_EACH + _KERNEL_TASKS if is_gvisor(runtime) else own


def launcher_user(program: int, runtime: str) -> str:
    """Root of gVisor's kernel, which lets programs open what processes of their own user have open."""
    return "0:0" if is_gvisor(runtime) else f"{program}:{program}"


def capabilities(runtime: str) -> list[str]:
    """The launcher's."""
    return list(_CAPABILITIES) if is_gvisor(runtime) else []
