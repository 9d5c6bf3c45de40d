"""The reaper: each second takes back what nobody holds any more, and once in a while tidies up."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from cloche.kit.logs import get_logger
from cloche.kit.postgres import Connection, LockNotAvailableError
from cloche.queue.configured import Configured
from cloche.queue.executors import Executors
from cloche.queue.faults import REAP_BATCH, Faults
from cloche.queue.grace import Grace

log = get_logger()

_PASS_S: Final = 1.0
_TIDY_S: Final = 3600.0
#: When the days' table is in use, by a dump perhaps.
_TIDY_AGAIN_S: Final = 60.0
#: History partitions exist this many days ahead.
_DAYS_AHEAD: Final = 3

_PREPARE_DAYS: Final = "SELECT queue.prepare_days($1)"
_DROP_DAY: Final = "SELECT queue.drop_day($1)"


@dataclass(frozen=True, slots=True)
class Care:
    """How long leases last, in seconds, and how many days results are kept."""

    lease_s: float
    result_days: int


class Reaper:
    """Only one may run at a time, which ``as_only_one`` sees to; a second would do no harm."""

    def __init__(self, faults: Faults, executors: Executors, configured: Configured, care: Care) -> None:
        self._faults = faults
        self._executors = executors
        self._configured = configured
        self._care = care
        self._grace = Grace(care.lease_s, time.monotonic())
        self._tidy_at = time.monotonic()

    async def run(self, session: Connection) -> None:
        """Pass each second for ever. Raises: what PostgreSQL raises when it is away."""
        await self._configured.apply(session)
        while True:
            more = await self.pass_once()
            await self._tidy(session)
            await asyncio.sleep(0.0 if more else _PASS_S)

    async def pass_once(self) -> bool:
        """End overdue waiting; judge expired leases unless workers still have grace. Whether there may be more."""
        overdue, expired = await self._faults.reap_overdue(), 0
        if self._grace.passed(time.monotonic()):
            expired = await self._faults.reap_expired()
        if overdue or expired:
            log.info("reaper.reaped", overdue=overdue, expired=expired)
        return REAP_BATCH in (overdue, expired)

    async def drop_old_days(self, session: Connection) -> None:
        """Drop the days of results that are older than they need to be and that the storage worker has read."""
        while day := await session.fetchval(_DROP_DAY, self._care.result_days):
            log.info("reaper.dropped_day", partition=day)

    async def _tidy(self, session: Connection) -> None:
        """Once an hour. Making or dropping a day needs its table for itself, which another session may be reading."""
        now = time.monotonic()
        if now < self._tidy_at:
            return
        await self._executors.forget_old()
        try:
            await session.execute(_PREPARE_DAYS, _DAYS_AHEAD)
            await self.drop_old_days(session)
            self._tidy_at = now + _TIDY_S
        except LockNotAvailableError:
            log.warning("reaper.days_in_use", again_s=_TIDY_AGAIN_S)
            self._tidy_at = now + _TIDY_AGAIN_S
