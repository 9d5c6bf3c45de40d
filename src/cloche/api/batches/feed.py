"""The feed: tells the Queue Service a few evaluations of each batch at a time, as fast as they end.

So the queue never holds a whole batch; a paused one stops within seconds; and one that is cancelled never gets there.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.api.admission import Admission
from cloche.api.batches.frames import Frames
from cloche.api.batches.layers import compose
from cloche.api.batches.window import Pace
from cloche.api.metrics import Metrics
from cloche.contracts.tasks import CancelAnswer, CancelRequest, EnqueueAnswer
from cloche.contracts.words import EvaluationId
from cloche.kit.clock import iso, now
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Pool, Row, Session, load_sql

log = get_logger()

_SQL: Final = {
    name: load_sql("cloche.api.batches", name)
    for name in (
        "cancel_told",
        "close_feeds",
        "expire",
        "finish",
        "note_cancelled",
        "open_feeds",
        "take_backlog",
        "take_cancelled",
        "take_withdrawn",
        "told",
    )
}
_CANCELLED: Final = "SELECT id FROM batch WHERE finished_at IS NULL AND cancelled_at IS NOT NULL ORDER BY id LIMIT $1"
#: Batches that are looked at in one round, the oldest first.
_MOST_BATCHES: Final = 50
_AT_ONCE: Final = 400
_LEAST_OF_EACH: Final = 8
#: The Queue Service reads bodies up to 64 MiB; a round stays well below.
_AT_ONCE_BYTES: Final = 24 * 1024 * 1024
#: A transaction stays open over two calls and must not idle for 10 s.
_CALL_TIMEOUT_S: Final = 4.0
_LOOK_EVERY_S: Final = 0.25
_IDLE_S: Final = 1.0
_TIDY_EVERY_S: Final = 1.0
#: An upload of which nothing came for so long is refused.
ABANDONED_S: Final = 900.0
#: What the Queue Service refused stands aside for so long.
_ASIDE_S: Final = 60.0
#: Told to begin then, what is to be cancelled is never leased in between.
_NEVER: Final = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did; ``open`` batches still have something to tell."""

    told: int
    open: int


class BatchFeed:
    """One loop a process; replicas pass over each other's batches. What a crash interrupts is told again."""

    def __init__(self, pool: Pool, queue: ServiceClient, admission: Admission, metrics: Metrics) -> None:
        self._pool = pool
        self._admission = admission
        self._queue = queue
        self.metrics = metrics
        self._wake = asyncio.Event()
        self._pace = Pace()
        self._frames = Frames()
        self._aside: dict[int, float] = {}
        self._tidied_at = float("-inf")

    def wake(self) -> None:
        """There is something to tell."""
        self._wake.set()

    async def run(self) -> None:
        """Feed until cancelled; faults are waited out."""
        delay_s = 0.05
        while True:
            try:
                if time.monotonic() - self._tidied_at >= _TIDY_EVERY_S:
                    await self.tidy()
                    self._tidied_at = time.monotonic()
                done = await self.feed_round()
                delay_s = 0.05
            except (*UNAVAILABLE, ClocheError) as error:
                log.warning("feed.waiting", error=type(error).__name__)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)
                continue
            if not done.told:
                await self._wait(_LOOK_EVERY_S if done.open else _IDLE_S)

    async def tidy(self) -> None:
        """Refuse abandoned uploads, cancel what runs of cancelled batches, note which are complete."""
        await self._pool.execute(_SQL["expire"], ABANDONED_S)
        cancelled = await self._pool.fetch(_CANCELLED, _MOST_BATCHES)
        if cancelled:
            await self._pool.execute(_SQL["cancel_told"], [row["id"] for row in cancelled], _AT_ONCE)
        await self._pool.execute(_SQL["finish"], None)

    async def feed_round(self) -> Round:
        """Tell at most one request's worth of evaluations.

        Raises:
            ClocheError: the Queue Service did not take them; nothing was noted.
        """
        if not await self._pool.fetchval("SELECT EXISTS (SELECT FROM batch_feed WHERE NOT done)"):
            return Round(0, 0)
        await self._admission.refresh()
        moment = time.monotonic()
        self._aside = {row: until for row, until in self._aside.items() if until > moment}
        async with self._pool.acquire() as session, session.transaction():
            feeds = await session.fetch(_SQL["open_feeds"], _MOST_BATCHES)
            if not feeds:
                return Round(0, 0)
            told = await self._withdraw(session, feeds)
            told += await self._tell(session, feeds, moment)
            await session.execute(_SQL["told"], told)
            await session.execute(_SQL["close_feeds"], [feed["batch_id"] for feed in feeds])
        self.metrics.relayed.labels("enqueue").inc(len(told))
        return Round(len(told), len(feeds))

    async def _tell(self, session: Session, feeds: Sequence[Row], moment: float) -> list[int]:
        going = [feed for feed in feeds if not feed["paused"] and not feed["cancelled"]]
        share = max(_LEAST_OF_EACH, _AT_ONCE // max(1, len(going)))
        left = {feed["tenant"]: self._admission.batch_room(feed["tenant"]) for feed in going}
        room: dict[UUID, int] = {}
        for feed in going:
            count = min(share, self._pace.room(feed["batch_id"], feed["told"], feed["finished"], moment))
            most = left[feed["tenant"]]
            if most is not None:
                count = min(count, most)
                left[feed["tenant"]] = most - count
            room[feed["batch_id"]] = count
        self._pace.keep(room)
        if not any(room.values()):
            return []
        rows = await session.fetch(
            _SQL["take_backlog"], list(room), list(room.values()), _AT_ONCE_BYTES, list(self._aside)
        )
        if not rows:
            return []
        frames = await self._frames.load(session, [(row["tenant"], row["frame_id"]) for row in rows])
        tasks = [(row["id"], _task(row, frames[row["tenant"], row["frame_id"]])) for row in rows]
        return await self._enqueue_all(tasks)

    async def _withdraw(self, session: Session, feeds: Sequence[Row]) -> list[int]:
        """What was cancelled before it was told: told, never to begin, and cancelled."""
        whole = [feed["batch_id"] for feed in feeds if feed["cancelled"]]
        rows = await session.fetch(_SQL["take_withdrawn"], whole, _AT_ONCE, list(self._aside)) if whole else []
        others = [feed["batch_id"] for feed in feeds if not feed["cancelled"]]
        if others:
            rows += await session.fetch(_SQL["take_cancelled"], others, _AT_ONCE, list(self._aside))
        if not rows:
            return []
        ids = [row["evaluation_id"] for row in rows]
        await session.execute(_SQL["note_cancelled"], ids)
        tasks = [(row["id"], _withdrawn(row["body"])) for row in rows]
        told = await self._enqueue_all(tasks)
        request = CancelRequest(evaluation_ids=[EvaluationId(one) for one in ids])
        await self._queue.post("/queue/internal/v1/cancel", request, CancelAnswer, timeout_s=_CALL_TIMEOUT_S)
        return told

    async def _enqueue_all(self, tasks: Sequence[tuple[int, bytes]]) -> list[int]:
        """The rows whose tasks the Queue Service took; one that it refuses must not hold back the others."""
        try:
            body = b'{"tasks":[' + b",".join(task for _, task in tasks) + b"]}"
            await self._queue.post_json("/queue/internal/v1/enqueue", body, EnqueueAnswer, timeout_s=_CALL_TIMEOUT_S)
        except ClocheError as error:
            if error.retryable:
                raise
            if len(tasks) == 1:
                log.warning("feed.refused", row=tasks[0][0], error=error.code)
                self._aside[tasks[0][0]] = time.monotonic() + _ASIDE_S
                return []
            return [row for task in tasks for row in await self._enqueue_all([task])]
        return [row for row, _ in tasks]

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()


def _task(row: Row, frame: Mapping[str, Any]) -> bytes:
    program = compose(frame, row["program"])
    return row["body"][:-1] + b',"program":' + orjson.dumps(program) + b"}"


def _withdrawn(body: bytes) -> bytes:
    task: dict[str, Any] = orjson.loads(body)
    program: dict[str, Any] = {
        "runtime": task["runtime"],
        "files": [],
        "entrypoint": "",
        "limits": {},
        "compile_limits": {},
        "isolation": task["isolation"],
    }
    return orjson.dumps({**task, "run_at": iso(now() + _NEVER), "program": program})
