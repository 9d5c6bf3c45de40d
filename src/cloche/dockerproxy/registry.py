"""Which containers are this proxy's own, and whether one more may be made."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from cloche.dockerproxy.policy import ContainerId
from cloche.kit.errors import NotFoundError, OverloadedError

#: Users that containers get, one each. Below 65536, so that remapped user namespaces have them too.
FIRST_UID: Final = 50_000
UIDS: Final = 8192


class Registry:
    """The ids the Engine gave to this proxy. Another id does not exist, whatever the Engine has.

    ``creates_per_s`` is the average rate; as many as ``max_containers`` may come at once.
    """

    def __init__(self, *, max_containers: int, creates_per_s: float) -> None:
        self._max = max_containers
        self._rate = creates_per_s
        self._tokens = float(max_containers)
        self._refilled_at = time.monotonic()
        self._own: dict[ContainerId, int] = {}
        self._reserved = 0
        self._next_uid = 0

    def __len__(self) -> int:
        return len(self._own) + self._reserved

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
    def reserve(self) -> Generator[int]:
        """Room for one more container, given back at the end; yields the user it shall have.

        Raises:
            OverloadedError: as many as allowed exist, or they are being made too fast.
        """
        if len(self) >= self._max:
            raise OverloadedError("As many containers as allowed exist.")
        now = time.monotonic()
        self._tokens = min(float(self._max), self._tokens + (now - self._refilled_at) * self._rate)
        self._refilled_at = now
        if self._tokens < 1:
            raise OverloadedError("Containers are being made too fast.")
        self._tokens -= 1
        self._reserved += 1
        try:
            yield self._fresh_uid()
        finally:
            self._reserved -= 1

    def add(self, container: ContainerId, uid: int) -> None:
        """Remember a container that this proxy made."""
        self._own[container] = uid

    def forget(self, container: ContainerId) -> None:
        """It is gone; idempotent."""
        self._own.pop(container, None)

    def _fresh_uid(self) -> int:
        """The next user in turn that no container has, so that one is not used again soon."""
        used = set(self._own.values())
        while FIRST_UID + self._next_uid in used:
            self._next_uid = (self._next_uid + 1) % UIDS
        uid = FIRST_UID + self._next_uid
        self._next_uid = (self._next_uid + 1) % UIDS
        return uid
