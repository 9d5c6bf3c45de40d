"""What kind of container a cell needs: containers of one kind can be made before it is known for whom."""

from dataclasses import dataclass
from typing import Final

from cloche.contracts.limits import MIB
from cloche.executor.engines.engine import CellSpec

#: The Docker Engine makes none with less than 6 MiB; the launcher needs no more.
_LEAST_MEMORY: Final = 16 * MIB
_LEAST_PROCESSES: Final = 16


@dataclass(frozen=True)
class ContainerClass:
    """A container's own limits; what a step may use is never above them.

    Memory and processes are rounded up, because the launcher holds a program to less; disk and inodes
    are exact, because nothing in a container can make its file systems smaller.
    """

    image: str
    memory_bytes: int
    processes: int
    disk_bytes: int
    inodes: int


def exact_class(image: str, spec: CellSpec) -> ContainerClass:
    """The smallest that fits."""
    most = spec.most
    return ContainerClass(image, max(most.memory_bytes, 6 * MIB), most.processes, most.disk_bytes, most.inodes)


def rounded_class(image: str, spec: CellSpec) -> ContainerClass:
    """The one that it shares with others: memory up to the next power of two, processes of four."""
    most = spec.most
    return ContainerClass(
        image,
        _next_power(most.memory_bytes, _LEAST_MEMORY, 2),
        _next_power(most.processes, _LEAST_PROCESSES, 4),
        most.disk_bytes,
        most.inodes,
    )


def _next_power(wanted: int, least: int, base: int) -> int:
    result = least
    while result < wanted:
        result *= base
    return result
