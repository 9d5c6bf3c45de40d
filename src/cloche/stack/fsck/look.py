"""Looking twice: what disagrees only for a moment is the platform at work."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cloche.kit.bus import Bus
from cloche.kit.postgres import Pool
from cloche.stack.fsck.bus_look import look_at_bus
from cloche.stack.fsck.disagreement import KINDS, Disagreement
from cloche.stack.fsck.record_look import look_at_record

#: Of one kind no more are kept; a repair, and another look, comes to the rest.
MOST_OF_A_KIND: Final = 10_000


@dataclass(frozen=True, slots=True)
class Stores:
    """PostgreSQL as the owner, and the bus as a user who may do all."""

    pool: Pool
    bus: Bus


async def look_twice(
    stores: Stores, since: UUID, apart_s: float, *, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> list[Disagreement]:
    """What disagrees from the id ``since`` on, and still does ``apart_s`` later, for which ``wait`` waits.

    Raises: what PostgreSQL and Redis raise when they are away.
    """
    first = await _look(stores, since)
    if not first:
        return []
    await wait(apart_s)
    second = await _look(stores, since)
    order = list(KINDS)
    return sorted((second[key] for key in first.keys() & second), key=lambda f: (order.index(f.kind), f.subject))


async def _look(stores: Stores, since: UUID) -> dict[tuple[str, str], Disagreement]:
    found: dict[tuple[str, str], Disagreement] = {}
    counts = Counter[str]()
    async with stores.pool.acquire() as session:
        snapshot: Any = session
        async with snapshot.transaction(isolation="repeatable_read", readonly=True):
            async for finding in look_at_record(snapshot, since):
                _keep(finding, found, counts)
    async for finding in look_at_bus(stores.bus, stores.pool):
        _keep(finding, found, counts)
    return found


def _keep(finding: Disagreement, found: dict[tuple[str, str], Disagreement], counts: Counter[str]) -> None:
    if counts[finding.kind] < MOST_OF_A_KIND:
        counts[finding.kind] += finding.key not in found
        found[finding.key] = finding
