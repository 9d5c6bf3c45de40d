"""Removes own containers that outlived their limit, also after a crash of the proxy or of its callers."""

import asyncio
import time
from typing import Final

from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import Engine, Listed
from cloche.dockerproxy.policy import ContainerId
from cloche.dockerproxy.registry import Registry, Share
from cloche.kit.errors import ClocheError
from cloche.kit.logs import get_logger

log = get_logger()

#: Removals at once, so that one that hangs does not hold up the others.
_HANDS: Final = 8


class Janitor:
    """Sweeps every ``linger_s / 2``, at least every 10 s.

    Removed is what is older than ``max_lifetime_s``; what has not been running for ``linger_s``
    (it ended, or was never started); and what is labelled as ours but was never answered for,
    because its making was cut short, after ``linger_s``. Room that is kept for one of those is given back
    by the first sweep after ``linger_s`` that does not find it.
    """

    def __init__(
        self, engine: Engine, registry: Registry, *, instance: str, max_lifetime_s: float, linger_s: float
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._instance = instance
        self._max_lifetime_s = max_lifetime_s
        self._linger_s = linger_s
        self._idle_since: dict[ContainerId, float] = {}
        self._hands = asyncio.Semaphore(_HANDS)

    async def rebuild(self) -> None:
        """Take over what a former process of this instance made. Call before anything is served.

        Raises:
            UnavailableError: the Engine does not answer.
        """
        for found in await self._engine.list_own(self._instance):
            numbers = [
                _number(found.labels.get(name)) for name in (policy.UID_LABEL, policy.MEMORY_LABEL, policy.CPUS_LABEL)
            ]
            self._registry.add(found.id, Share(*numbers))

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(min(10.0, self._linger_s / 2))
            try:
                await self.sweep()
            except ClocheError as error:
                log.warning("janitor.failed", error=error.code)

    async def sweep(self) -> int:
        """Look once; how many containers were removed.

        Raises:
            UnavailableError: the Engine does not answer.
        """
        known, asked = self._registry.ids(), time.monotonic()
        listed = {found.id: found for found in await self._engine.list_own(self._instance)}
        for gone in known - set(listed):
            self._registry.forget(gone)
        users = {_number(found.labels.get(policy.UID_LABEL)) for found in listed.values()}
        self._registry.settle(users, asked - self._linger_s)
        idle = {c for c, found in listed.items() if found.state != "running" or c not in known}
        now = time.monotonic()
        self._idle_since = {c: self._idle_since.get(c, now) for c in idle}
        overdue = [c for c, found in listed.items() if self._is_overdue(c, found, now)]
        return sum(await asyncio.gather(*(self._remove(container) for container in overdue)))

    def _is_overdue(self, container: ContainerId, found: Listed, now: float) -> bool:
        if time.time() - found.created > self._max_lifetime_s:
            return True
        return now - self._idle_since.get(container, now) > self._linger_s

    async def _remove(self, container: ContainerId) -> bool:
        try:
            async with self._hands:
                await self._engine.call(policy.delete(container))
        except ClocheError as error:
            log.warning("janitor.not_removed", container=container, error=error.code)
            return False
        self._registry.forget(container)
        log.info("janitor.removed", container=container)
        return True


def _number(label: object) -> int:
    return int(label) if isinstance(label, str) and label.isdecimal() else 0
