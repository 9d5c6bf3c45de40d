"""What the workers' executors offered, as their workers last reported it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.tasks import ExecutorSeen
from cloche.kit.clock import iso
from cloche.kit.postgres import Pool, load_sql

_REPORT: Final = load_sql("cloche.queue", "executors_report")
_TOUCH: Final = load_sql("cloche.queue", "executors_touch")
_LEAVE: Final = load_sql("cloche.queue", "executors_leave")
_SEEN: Final = load_sql("cloche.queue", "executors_seen")
_FORGET: Final = load_sql("cloche.queue", "executors_forget")

#: After this long without a word from its worker an executor is stale.
STALE_AFTER: Final = timedelta(seconds=30)
#: The same report is written again at most this often.
_REWRITE_S: Final = 5.0
_REMEMBERED_WORKERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Report:
    digest: int
    written_at: float


class Executors:
    """Written when a report changes, else every few seconds: a lease call should cost one statement, not two."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._written: dict[str, _Report] = {}

    async def report(self, worker: str, offers: Sequence[ExecutorOffer]) -> None:
        """The worker has these executors now."""
        latest = {offer.name: offer.model_dump_json().encode() for offer in offers}
        digest = hash(tuple(sorted(latest.items())))
        if latest and not self._is_fresh(worker, digest):
            await self._pool.execute(_REPORT, worker, list(latest.keys()), list(latest.values()))
            self._remember(worker, digest)

    async def touch(self, worker: str) -> None:
        """The worker is alive and its executors are as reported last."""
        known = self._written.get(worker)
        if known is None or not self._is_fresh(worker, known.digest):
            await self._pool.execute(_TOUCH, worker)
            self._remember(worker, known.digest if known else 0)

    async def leave(self, worker: str) -> None:
        """The worker says goodbye: its executors are stale from now on."""
        await self._pool.execute(_LEAVE, worker, STALE_AFTER)
        self._written.pop(worker, None)

    async def seen(self) -> list[ExecutorSeen]:
        """Every executor that was reported in the last 24 hours."""
        rows = await self._pool.fetch(_SEEN, STALE_AFTER)
        return [
            ExecutorSeen(
                worker=row["worker"],
                seen_at=iso(row["seen_at"]),
                stale=row["stale"],
                offer=ExecutorOffer.model_validate_json(row["offer"]),
            )
            for row in rows
        ]

    async def alive(self) -> list[ExecutorOffer]:
        """What the executors offer that are not stale."""
        return [executor.offer for executor in await self.seen() if not executor.stale]

    async def forget_old(self) -> None:
        """Drop what nobody reported for 24 hours."""
        await self._pool.execute(_FORGET)

    def _is_fresh(self, worker: str, digest: int) -> bool:
        known = self._written.get(worker)
        return known is not None and known.digest == digest and time.monotonic() - known.written_at < _REWRITE_S

    def _remember(self, worker: str, digest: int) -> None:
        if len(self._written) >= _REMEMBERED_WORKERS:
            self._written.clear()
        self._written[worker] = _Report(digest, time.monotonic())
