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
_REMEMBERED: Final = 10_000
#: All of a worker's executors; none is called that.
_ALL: Final = ""


@dataclass(frozen=True, slots=True)
class _Report:
    digest: int
    written_at: float


class Executors:
    """Written when a report changes, else every few seconds: a lease call should cost one statement, not two."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._written: dict[tuple[str, str], _Report] = {}  # by worker and executor

    async def report(self, worker: str, offers: Sequence[ExecutorOffer]) -> None:
        """The worker's executors of these names offer this now."""
        latest = {offer.name: offer.model_dump_json().encode() for offer in offers}
        changed = {name: said for name, said in latest.items() if not self._is_fresh((worker, name), hash(said))}
        if changed:
            await self._pool.execute(_REPORT, worker, list(changed.keys()), list(changed.values()))
            for name, said in changed.items():
                self._remember((worker, name), hash(said))

    async def touch(self, worker: str) -> None:
        """The worker is alive and its executors are as reported last."""
        if not self._is_fresh((worker, _ALL), 0):
            await self._pool.execute(_TOUCH, worker)
            self._remember((worker, _ALL), 0)

    async def leave(self, worker: str) -> None:
        """The worker says goodbye: its executors are stale from now on."""
        await self._pool.execute(_LEAVE, worker, STALE_AFTER)
        self._written = {key: report for key, report in self._written.items() if key[0] != worker}

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

    def _is_fresh(self, key: tuple[str, str], digest: int) -> bool:
        known = self._written.get(key)
        return known is not None and known.digest == digest and time.monotonic() - known.written_at < _REWRITE_S

    def _remember(self, key: tuple[str, str], digest: int) -> None:
        if len(self._written) >= _REMEMBERED:
            self._written.clear()
        self._written[key] = _Report(digest, time.monotonic())
