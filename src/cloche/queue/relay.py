"""The outbox relay: tells the bus what was committed, at least once and in order for each evaluation."""

import asyncio
import secrets
import time
from itertools import groupby
from typing import Final
from uuid import UUID

from cloche.kit import bus
from cloche.kit.bus import BACKLOG_BYTES, Bus, Group, NewEvent, RedisError
from cloche.kit.logs import get_logger
from cloche.kit.postgres import Connection
from cloche.queue.doorbell import wait_for_ring
from cloche.queue.metrics import Meters
from cloche.queue.outbox import OutboxEvent, forget_published, may_leave_some, read_outbox
from cloche.queue.signals import Signals

log = get_logger()

PRODUCER: Final = "queue"
BATCH: Final = 256
#: More than output may fill: what ends evaluations goes before.
_BACKLOG_BYTES: Final = BACKLOG_BYTES * 3 // 2
_POLL_S: Final = 1.0
#: Rounds that find less than a batch begin this far apart, for each event found and at least and at most: under load
#: events gather, the first is published at once.
_ROUND_S_EACH: Final = 0.001
_ROUND_S: Final = 0.01
_LONGEST_ROUND_S: Final = 0.05
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_RANDOM: Final = secrets.SystemRandom()


class Relay:
    """Only one may run at a time, which ``as_only_one`` sees to.

    The outbox's id is the producer's count: the bus drops what a relay published and then, dying,
    did not forget.
    """

    def __init__(self, to: Bus, signals: Signals, meters: Meters) -> None:
        self._bus = to
        self._signals = signals
        self._meters = meters
        self._pause_s = 0.0

    async def run(self, connection: Connection) -> None:
        """Publish for ever. While the bus is away, wait; nothing is forgotten unpublished.

        Raises: what PostgreSQL raises when it is away.
        """
        try:
            while True:
                await self._publish_next(connection)
        finally:
            self._meters.outbox_lag_s.set(0.0)  # another replica tells it from now on

    async def _publish_next(self, connection: Connection) -> None:
        """Publish what there is, then wait for more, or longer each time while the bus is away."""
        bell = self._signals.outbox.listen()
        begun = time.monotonic()
        events = await read_outbox(connection, BATCH)
        self._meters.outbox_lag_s.set(events[0].age_s if events else 0.0)
        if not await self._publish(connection, events):
            self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
            await asyncio.sleep(self._pause_s * (0.5 + _RANDOM.random()))
            return
        self._pause_s = 0.0
        if not may_leave_some(events, BATCH):
            await wait_for_ring(bell, _POLL_S)
            apart = min(max(_ROUND_S, _ROUND_S_EACH * len(events)), _LONGEST_ROUND_S)
            await asyncio.sleep(max(0.0, begun + apart - time.monotonic()))

    async def publish_batch(self, connection: Connection) -> int:
        """Publish the oldest events once; how many the bus took.

        Raises: what PostgreSQL raises when it is away.
        """
        events = await read_outbox(connection, BATCH)
        return len(events) if await self._publish(connection, events) else 0

    async def _publish(self, connection: Connection, events: list[OutboxEvent]) -> bool:
        """Publish and forget these; whether all are published."""
        ids = await self._settled(events)
        if ids:
            await forget_published(connection, ids)
            self._meters.published.inc(len(ids))
        return len(ids) == len(events)

    async def _settled(self, events: list[OutboxEvent]) -> list[int]:
        """Publish as many as the bus takes, each evaluation's in order; the ids of those it has, or will never have."""
        settled: list[int] = []
        waiting = _by_evaluation(events)
        while waiting:
            first = [groups.pop() for groups in waiting]
            try:
                answers = await self._bus.publish_all([_group(each) for each in first])
            except (RedisError, OSError) as error:
                log.warning("outbox.publish_failed", error=type(error).__name__)
                break
            going_on: list[list[list[OutboxEvent]]] = []
            for groups, group, answer in zip(waiting, first, answers, strict=True):
                if isinstance(answer, RedisError):
                    log.warning("outbox.publish_failed", error=type(answer).__name__)
                elif answer != bus.FULL:
                    if answer < 0:
                        self._meters.refused_events.inc(len(group))
                    settled += [event.id for event in group]
                    going_on += [groups] if groups else []
            waiting = going_on
        return settled


def _by_evaluation(events: list[OutboxEvent]) -> list[list[list[OutboxEvent]]]:
    """For each evaluation its events, an attempt at a time, the last attempt first."""
    mine: dict[UUID, list[OutboxEvent]] = {}
    for event in events:
        mine.setdefault(event.evaluation_id, []).append(event)
    return [
        [list(group) for _, group in groupby(each, key=lambda event: event.attempt)][::-1] for each in mine.values()
    ]


def _group(events: list[OutboxEvent]) -> Group:
    """As the bus takes them."""
    new = [NewEvent(event.id, event.type, event.body, live=event.type != "evaluation.completed") for event in events]
    subject, attempt = str(events[0].evaluation_id), events[0].attempt
    return Group(subject, PRODUCER, attempt, new, in_list=True, backlog_bytes=_BACKLOG_BYTES)
