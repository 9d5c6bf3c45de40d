"""Users of the host for cells: where this process may choose, every cell has two that nobody else has.

Limits that the kernel counts by user (pipe pages, inotify, pending signals) are then no cell's to
exhaust for another, a launcher that ends all its program's processes ends no other launcher, and a
program that got out would still be nobody.
"""

import os
import socket
from pathlib import Path
from typing import Final

from cloche.executor.engines.engine import EngineError, EngineUnusableError
from cloche.executor.engines.local.plan import CellUsers

#: Above every range that distributions and systemd give out. Source: systemd's UIDS-GIDS.
FIRST_USER: Final = 1_900_000_000
_MOST: Final = 4096
#: So many at once are claimed among the executors of this machine.
_BLOCK: Final = 128
#: A namespace that maps nobody but its root has no users to give.
_FEWEST: Final = 3


class SlotUsers:
    """Hands out users; ``take`` answers None where cells run as this process's own user."""

    def __init__(self, users: range) -> None:
        self._none = not users
        self._unclaimed = [users[at : at + _BLOCK] for at in range(0, len(users), _BLOCK)]
        self._claims: list[socket.socket] = []
        self._free: list[CellUsers] = []

    def take(self) -> CellUsers | None:
        """Users that no other cell has.

        Raises:
            EngineError: none is left.
        """
        if self._none:
            return None
        while not self._free and self._unclaimed:
            self._claim(self._unclaimed.pop(0))
        if not self._free:
            raise EngineError("no user is left for another cell")
        return self._free.pop()

    def give_back(self, users: CellUsers | None) -> None:
        """For a cell that is proven gone."""
        if users is not None:
            self._free.append(users)

    def close(self) -> None:
        """Let other executors have them."""
        while self._claims:
            self._claims.pop().close()

    def _claim(self, users: range) -> None:
        """Take them unless another executor has: the kernel forgets a socket's name when its owner ends."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0cloche-users-{users[0]}")
        except OSError:
            claim.close()
            return
        self._claims.append(claim)
        self._free = [CellUsers(*pair) for pair in zip(users[::2], users[1::2], strict=False)]


def find_users() -> SlotUsers:
    """The users that this process may give to cells: those at the end of what its user namespace maps."""
    if os.geteuid() != 0:
        return SlotUsers(range(0))
    inside, _, count = max(_mapped(), key=lambda found: found[2])
    if inside <= FIRST_USER and inside + count >= FIRST_USER + _MOST:
        return SlotUsers(range(FIRST_USER, FIRST_USER + _MOST))
    if count < _FEWEST:
        _refuse_host_root()
        return SlotUsers(range(0))
    most = min(_MOST, count - 1)
    return SlotUsers(range(inside + count - most, inside + count))


def _refuse_host_root() -> None:
    """Cells without users of their own run as our user, who must not be the host's root (ADR 6).

    Raises:
        EngineUnusableError: as far as this user namespace can tell, it is.
    """
    if any(inside == 0 and outside == 0 for inside, outside, _ in _mapped()):
        raise EngineUnusableError(
            "cells would run as the host's root: start Cloche as an ordinary user, or as root where at least "
            f"{_FEWEST} users are mapped (/proc/self/uid_map)"
        )


def _mapped() -> list[tuple[int, int, int]]:
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    result: list[tuple[int, int, int]] = []
    for line in lines:
        inside, outside, count = (int(word) for word in line.split())
        result.append((inside, outside, count))
    return result
