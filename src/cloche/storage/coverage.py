"""Which bytes of a stream are there, which are missing, and what a record can add. No I/O."""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def uncovered(total: int, have: Iterable[Range]) -> list[Range]:
    """The parts of ``[0, total)`` that no range of ``have`` (start, end) covers, in order."""
    holes: list[Range] = []
    position = 0
    for start, end in sorted(have):
        if start > position:
            holes.append((position, min(start, total)))
        position = max(position, end)
        if position >= total:
            break
    if position < total:
        holes.append((position, total))
    return [hole for hole in holes if hole[0] < hole[1]]


def pieces(data: bytes, holes: Sequence[Range], size: int) -> list[tuple[int, bytes]]:
    """(offset, bytes) of ``data`` that fill ``holes``, none longer than ``size``."""
    return [
        (at, data[at : min(at + size, end)]) for start, end in holes for at in range(start, min(end, len(data)), size)
    ]
