"""Which containers are this proxy's own, what they may use, and whether one more may be made."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cloche.dockerproxy.policy import ContainerId
from cloche.kit.errors import NoRoomError, NotFoundError, OverloadedError

#: Users that containers get, one each. Below 65536, so that remapped user namespaces have them too.
FIRST_UID: Final = 50_000
UIDS: Final = 8192


@dataclass(frozen=True)
class Caps:
    """The most that all containers together may be. Memory and CPU are summed over their limits, used or not.

    ``creates_per_s`` is the average rate; as many as ``containers`` may come at once.
    """

    containers: int
    creates_per_s: float
    memory_bytes: int
    cpus_milli: int
    attachments: int


@dataclass(frozen=True)
class Share:
    """What one container has been given."""

    uid: int
    memory_bytes: int
    cpus_milli: int


class Registry:
    """The ids the Engine gave to this proxy. Another id does not exist, whatever the Engine has."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._tokens = float(caps.containers)
        self._refilled_at = time.monotonic()
        self._own: dict[ContainerId, Share] = {}
        self._gone: dict[ContainerId, asyncio.Event] = {}
        self._coming: set[Share] = set()
        self._doubted: dict[Share, float] = {}
        self._next_uid = 0
        self.attachments = 0

    def __len__(self) -> int:
        return len(self._shares())

    @property
    def memory_bytes(self) -> int:
        """The sum of what containers may use, those being made and the doubted included."""
        return sum(share.memory_bytes for share in self._shares())

    @property
    def cpus_milli(self) -> int:
        """As ``memory_bytes``; 1000 is one CPU."""
        return sum(share.cpus_milli for share in self._shares())

    def ids(self) -> set[ContainerId]:
        """A copy of the ids known now."""
        return set(self._own)

    def check(self, container: ContainerId) -> ContainerId:
        """``container``, if it is our own.

        Raises:
            NotFoundError: it is not; the same whether or not the Engine has it.
        """
        if container not in self._own:
            raise NotFoundError
        return container

    @contextmanager
    def reserve(self, memory_bytes: int, cpus_milli: int) -> Generator[Share]:
        """Room for one more container, given back at the end; yields its share, with a user of its own.

        Raises:
            NoRoomError: a cap would be passed. OverloadedError: the one on how often, which room does not cure.
        """
        self._check_room(memory_bytes, cpus_milli)
        self._check_rate()
        share = Share(self._fresh_uid(), memory_bytes, cpus_milli)
        self._coming.add(share)
        try:
            yield share
        finally:
            self._coming.discard(share)

    @contextmanager
    def attach(self, container: ContainerId) -> Generator[asyncio.Event]:
        """Room for one more attachment, given back at the end; yields what is set when ``container`` is gone.

        Raises:
            NotFoundError: it is not our own.
            NoRoomError: as many as allowed are open.
        """
        gone = self._gone.get(self.check(container), asyncio.Event())
        if self.attachments >= self._caps.attachments:
            raise NoRoomError("As many attachments as allowed are open.")
        self.attachments += 1
        try:
            yield gone
        finally:
            self.attachments -= 1

    def add(self, container: ContainerId, share: Share) -> None:
        """Remember a container that this proxy made."""
        self._own[container] = share
        self._gone[container] = asyncio.Event()

    def forget(self, container: ContainerId) -> None:
        """It is gone; idempotent."""
        if self._own.pop(container, None) is not None:
            self._gone.pop(container).set()

    def doubt(self, share: Share) -> None:
        """Keep the room of a container that the Engine may still make, until ``settle``."""
        self._doubted[share] = time.monotonic()

    def settle(self, uids: set[int], before: float) -> None:
        """Give back what was doubted before ``before`` (``time.monotonic``), unless it exists, its user in ``uids``."""
        left = {share: since for share, since in self._doubted.items() if since > before or share.uid in uids}
        self._doubted = left

    def _shares(self) -> list[Share]:
        return [*self._own.values(), *(self._coming | self._doubted.keys())]

    def _check_room(self, memory_bytes: int, cpus_milli: int) -> None:
        if len(self) >= self._caps.containers:
            raise NoRoomError("As many containers as allowed exist.")
        if self.memory_bytes + memory_bytes > self._caps.memory_bytes:
            raise NoRoomError("As much memory as allowed is given away.")
        if self.cpus_milli + cpus_milli > self._caps.cpus_milli:
            raise NoRoomError("As much CPU as allowed is given away.")

    def _check_rate(self) -> None:
        now = time.monotonic()
        earned = (now - self._refilled_at) * self._caps.creates_per_s
        self._tokens = min(float(self._caps.containers), self._tokens + earned)
        self._refilled_at = now
        if self._tokens < 1:
            raise OverloadedError("Containers are being made too fast.")
        self._tokens -= 1

    def _fresh_uid(self) -> int:
        """The next user in turn that no container has, so that one is not used again soon."""
        used = {share.uid for share in self._shares()}
        while FIRST_UID + self._next_uid in used:
            self._next_uid = (self._next_uid + 1) % UIDS
        uid = FIRST_UID + self._next_uid
        self._next_uid = (self._next_uid + 1) % UIDS
        return uid
