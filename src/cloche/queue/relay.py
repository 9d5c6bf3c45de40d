"""The outbox relay: tells the bus what was committed, at least once and in order for each evaluation."""

import asyncio
import secrets
from collections.abc import Iterable
from itertools import groupby
from typing import Final
from uuid import UUID

from cloche.kit.bus import Bus, NewEvent, RedisError
from cloche.kit.logs import get_logger
from cloche.kit.postgres import Connection
from cloche.queue.doorbell import wait_for_ring
from cloche.queue.metrics import Meters
from cloche.queue.outbox import OutboxEvent, forget_published, read_outbox
from cloche.queue.signals import Signals

log = get_logger()

PRODUCER: Final = "queue"
BATCH: Final = 128
#: How many evaluations are told of at once; below the bus's number of connections.
_PARALLEL: Final = 16
_POLL_S: Final = 1.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_RANDOM: Final = secrets.SystemRandom()


class Relay:
    """Only one may run at a time, which ``as_only_one`` sees to.

    The outbox's id is the producer's count: the bus drops what a relay published and then, dying,
    did not forget.
    """

    def __init__(self, bus: Bus, signals: Signals, meters: Meters) -> None:
        self._bus = bus
        self._signals = signals
        self._meters = meters
        self._parallel = asyncio.Semaphore(_PARALLEL)
        self._pause_s = 0.0

    async def run(self, connection: Connection) -> None:
        """Publish for ever. While the bus is away, wait; nothing is forgotten unpublished.

        Raises: what PostgreSQL raises when it is away.
        """
        while True:
            bell = self._signals.outbox.listen()
            events = await read_outbox(connection, BATCH)
            self._meters.outbox_lag_s.set(events[0].age_s if events else 0.0)
            if await self._publish(connection, events):
                self._pause_s = 0.0
            else:
                self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
                await asyncio.sleep(self._pause_s * (0.5 + _RANDOM.random()))
                continue
            if len(events) < BATCH:
                await wait_for_ring(bell, _POLL_S)

    async def _publish(self, connection: Connection, events: list[OutboxEvent]) -> bool:
        """Publish and forget these; whether all are published."""
        by_evaluation: dict[UUID, list[OutboxEvent]] = {}
        for event in events:
            by_evaluation.setdefault(event.evaluation_id, []).append(event)
        told = await asyncio.gather(*(self._tell(*item) for item in by_evaluation.items()))
        ids = [event_id for ids in told for event_id in ids]
        if ids:
            await forget_published(connection, ids)
            self._meters.published.inc(len(ids))
        return len(ids) == len(events)

    async def _tell(self, evaluation_id: UUID, events: Iterable[OutboxEvent]) -> list[int]:
        """Publish one evaluation's events, an attempt at a time; the ids of those the bus has settled."""
        settled: list[int] = []
        async with self._parallel:
            for attempt, group in groupby(events, key=lambda event: event.attempt):
                batch = list(group)
                new = [NewEvent(pseq=event.id, type=event.type, body=event.body) for event in batch]
                try:
                    last = await self._bus.publish(str(evaluation_id), PRODUCER, attempt, new, in_list=True)
                except (RedisError, OSError) as error:
                    log.warning("outbox.publish_failed", evaluation_id=str(evaluation_id), error=type(error).__name__)
                    return settled
                if last < 0:
                    self._meters.refused_events.inc(len(batch))
                settled += [event.id for event in batch]
        return settled
