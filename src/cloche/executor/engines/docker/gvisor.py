"""A container whose system calls end in gVisor's kernel, which is in the container and its cgroups itself."""

from typing import Final

from cloche.executor.engines.docker.slot import CONTAINER, DockerSlot
from cloche.executor.engines.engine import Tier

_KERNEL: Final = frozenset({"gvisor", "own-user"})
GVISOR: Final = Tier(
    "gvisor",
    (
        *sorted(_KERNEL),
        *(feature for feature in CONTAINER.features if ":" not in feature),
        "memory:sampled",
        "processes:rlimit",
    ),
    (
        "Memory is sampled: until that sees it, a program may have 128 MiB more, less what gVisor's kernel needs.",
        "Inodes are not limited: gVisor's file systems count none. What they take of its kernel's memory is bounded.",
        "Some 40 busy processes end gVisor's kernel where its platform is ptrace: the cell is lost, and run again.",
        "The launcher's environment, memory map and the names of what it has open can be read; they tell nothing.",
    ),
)


class GvisorSlot(DockerSlot):
    """As ``DockerSlot``. The cgroups leave room for gVisor's kernel, so the exact limits are held inside.

    The launcher samples all memory that this kernel gives out; this kernel counts the tasks of the container's user.
    """

    @property
    def sample_memory(self) -> bool:
        return True

    @property
    def rlimit_processes(self) -> bool:
        return True

    @property
    def own_processes(self) -> int:
        # A step's first process is counted as the launcher's, which has another user. Limited to 1 there is one more.
        return -1 if self._limits.processes > 1 else 0

    @property
    def must_have(self) -> frozenset[str]:
        return super().must_have | _KERNEL
