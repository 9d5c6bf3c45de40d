"""The long poll: hold a worker's call until there is work for it, the time is over, or it has gone."""

import time
from collections.abc import Callable
from typing import Final

from cloche.contracts.tasks import LeaseRequest
from cloche.kit.postgres import Row
from cloche.queue.capability import strongest_by_wanted
from cloche.queue.doorbell import wait_for_ring
from cloche.queue.executors import Executors
from cloche.queue.faults import Faults
from cloche.queue.signals import Signals
from cloche.queue.tasks import Tasks

#: How often a waiting call looks although nothing rang: a ring of another replica was missed, or a task is due.
POLL_S: Final = 2.0
#: One answer holds at most this many tasks, and of their programs ``wire.ENOUGH_BYTES``, or one that is larger.
LARGEST_BATCH: Final = 100


class Leasing:
    """Answers ``POST /lease``."""

    def __init__(self, tasks: Tasks, faults: Faults, executors: Executors, signals: Signals) -> None:
        self._tasks = tasks
        self._faults = faults
        self._executors = executors
        self._signals = signals
        self._closing = False

    def close(self) -> None:
        """Let every waiting call answer now, and no later call wait."""
        self._closing = True
        self._signals.work.ring_here()

    async def lease(self, request: LeaseRequest, is_gone: Callable[[], bool]) -> list[Row]:
        """Tasks for this worker; empty when none came in time.

        A caller that ``is_gone`` gets none: nothing is claimed for it, and what was claimed while it
        went is released at once.
        """
        strongest = strongest_by_wanted(request.executors)
        slots = min(request.slots, LARGEST_BATCH)
        until = time.monotonic() + request.wait_s
        while True:
            bell = self._signals.work.listen()
            await self._executors.report(request.worker, request.executors)
            rows: list[Row] = []
            if slots and strongest:
                if is_gone():
                    return []
                rows = await self._tasks.lease(request.worker, slots, strongest)
                if rows and is_gone():
                    await self._faults.release([(row["evaluation_id"], row["lease_id"]) for row in rows])
                    return []
            left = until - time.monotonic()
            if rows or slots == 0 or left <= 0 or self._closing:
                return rows
            await wait_for_ring(bell, min(left, POLL_S))
