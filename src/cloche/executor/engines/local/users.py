"""Users of the host for cells: where this process may choose, every slot has one that nobody else has.

Limits that the kernel counts by user (pipe pages, inotify, pending signals) are then no cell's to
exhaust for another, and a program that got out would still be nobody.
"""

import os
from pathlib import Path

from cloche.executor.engines.engine import EngineError
from cloche.executor.engines.local.plan import CellUsers

#: Above every range that distributions and systemd give out. Source: systemd's UIDS-GIDS.
FIRST_USER = 1_900_000_000
_MOST = 4096
#: A namespace that maps nobody but its root has no users to give.
_FEWEST = 3


class SlotUsers:
    """Hands out users; ``take`` answers None where cells run as this process's own user."""

    def __init__(self, first: int | None, count: int) -> None:
        self._launcher = first
        self._free = [] if first is None else list(range(first + count - 1, first, -1))

    def take(self) -> CellUsers | None:
        """A user that no other cell has.

        Raises:
            EngineError: none is left.
        """
        if self._launcher is None:
            return None
        if not self._free:
            raise EngineError("no user is left for another cell")
        return CellUsers(self._launcher, self._free.pop())

    def give_back(self, users: CellUsers | None) -> None:
        """For a cell that is proven gone."""
        if users is not None:
            self._free.append(users.program)


def find_users() -> SlotUsers:
    """The users that this process may give to cells: those at the end of what its user namespace maps."""
    if os.geteuid() != 0:
        return SlotUsers(None, 0)
    inside, _, count = max(_mapped(), key=lambda found: found[2])
    if inside <= FIRST_USER and inside + count >= FIRST_USER + _MOST:
        return SlotUsers(FIRST_USER, _MOST)
    if count < _FEWEST:
        return SlotUsers(None, 0)
    most = min(_MOST, count - 1)
    return SlotUsers(inside + count - most, most)


def _mapped() -> list[tuple[int, int, int]]:
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    result: list[tuple[int, int, int]] = []
    for line in lines:
        inside, outside, count = (int(word) for word in line.split())
        result.append((inside, outside, count))
    return result
