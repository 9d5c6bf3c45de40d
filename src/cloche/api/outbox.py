"""The relay: tells the Queue Service what was submitted and cancelled, in order, until it knows."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from cloche.api.metrics import Metrics
from cloche.contracts.events import Queued
from cloche.contracts.tasks import CancelAnswer, CancelRequest, EnqueueAnswer
from cloche.contracts.words import EvaluationId
from cloche.kit import tracing
from cloche.kit.bus import FULL, Bus, Group, NewEvent, RedisError
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7_time
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Pool, Row, load_sql

log = get_logger()

_TAKE = load_sql("cloche.api", "take_outbox")
_BATCH = 200
#: The Queue Service reads bodies up to 64 MiB; a batch stays well below.
_BATCH_BYTES = 24 * 1024 * 1024
#: A transaction stays open over two calls and must not idle for 10 s.
_CALL_TIMEOUT_S = 4.0
#: A row that another process wrote, or a missed wake-up, waits at most this long.
_POLL_S = 1.0
#: What the Queue Service refused stands aside for so long: another version of it may take it.
_ASIDE_S = 60.0


class OutboxRelay:
    """Moves rows of ``api_outbox`` to the Queue Service; several processes may run one each.

    A row is deleted only after the Queue Service has answered, so a crash repeats calls and
    never loses one; the Queue Service treats repeats as such.
    """

    def __init__(
        self,
        pool: Pool,
        queue: ServiceClient,
        bus: Bus,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._queue = queue
        self._bus = bus
        self._metrics = metrics
        self._clock = clock
        self._wake = asyncio.Event()
        self._refused: dict[int, _Refused] = {}

    def wake(self) -> None:
        """There is something to relay."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until cancelled; faults are waited out."""
        delay_s = 0.05
        while True:
            try:
                moved = await self.relay_batch()
                delay_s = 0.05
            except (*UNAVAILABLE, ClocheError) as error:
                log.warning("outbox.waiting", error=type(error).__name__)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)
                continue
            if moved < _BATCH:
                await self._wait()

    async def relay_batch(self) -> int:
        """Relay at most one batch; returns how many rows it found.

        Raises:
            ClocheError: the Queue Service did not take them; nothing was deleted.
        """
        async with self._pool.acquire() as session, session.transaction():
            now = self._clock()
            self._refused = {row: refused for row, refused in self._refused.items() if refused.until > now}
            rows = await session.fetch(_TAKE, _BATCH, _BATCH_BYTES, list(self._refused))
            new = [row for row in rows if row["kind"] == "enqueue"]
            self._tell_lag(_submitted_at(row) for row in new)
            if not rows:
                return 0
            queued = await self._enqueue_all(new)
            done = [row["id"] for row, _ in queued]
            cancels = [row for row in rows if row["kind"] == "cancel"]
            if cancels:
                done += await self._cancel(cancels)
            await session.execute("DELETE FROM api_outbox WHERE id = ANY($1)", done)
        self._tell_lag(())
        self._metrics.relayed.labels("enqueue").inc(len(queued))
        self._metrics.relayed.labels("cancel").inc(len(done) - len(queued))
        await self._announce(queued)
        return len(rows) if done else 0

    async def _enqueue_all(self, rows: Sequence[Row]) -> list[tuple[Row, str]]:
        """Those that the Queue Service took, with when; one that it refuses must not hold back the others."""
        if not rows:
            return []
        try:
            queued_at = await self._enqueue(rows)
        except ClocheError as error:
            if error.retryable:
                raise
            if len(rows) == 1:
                log.warning("outbox.refused", evaluation_id=str(rows[0]["evaluation_id"]), error=error.code)
                self._refused[rows[0]["id"]] = _Refused(_submitted_at(rows[0]), self._clock() + _ASIDE_S)
                return []
            return [pair for row in rows for pair in await self._enqueue_all([row])]
        return [(row, queued_at) for row in rows]

    async def _enqueue(self, rows: Sequence[Row]) -> str:
        tasks = b",".join(row["body"][:-1] + b',"program":' + row["program"] + b"}" for row in rows)
        body = b'{"tasks":[' + tasks + b"]}"
        with tracing.span("relay outbox", kind="client", parent="", links=_places(rows), tasks=len(rows)):
            answer = await self._queue.post_json(
                "/queue/internal/v1/enqueue", body, EnqueueAnswer, timeout_s=_CALL_TIMEOUT_S
            )
        return answer.queued_at

    async def _announce(self, queued: Sequence[tuple[Row, str]]) -> None:
        """Tell the bus; what it will not have is told by the record as well.

        No stream begins by that: what waits may be many times what runs.
        """
        groups = [
            Group(
                str(row["evaluation_id"]),
                "api",
                0,
                [NewEvent(1, "evaluation.queued", Queued(queued_at=queued_at).model_dump_json(), live=False)],
                in_list=True,
            )
            for row, queued_at in queued
        ]
        try:
            answers = await self._bus.publish_all(groups)
        except (RedisError, OSError):
            log.warning("outbox.unannounced", count=len(groups))
            return
        if refused := sum(isinstance(answer, RedisError) or answer == FULL for answer in answers):
            log.warning("outbox.unannounced", count=refused)

    async def _cancel(self, rows: Sequence[Row]) -> list[int]:
        ids = [EvaluationId(row["evaluation_id"]) for row in rows]
        answer = await self._queue.post(
            "/queue/internal/v1/cancel", CancelRequest(evaluation_ids=ids), CancelAnswer, timeout_s=_CALL_TIMEOUT_S
        )
        unknown = {outcome.evaluation_id for outcome in answer.outcomes if outcome.state == "unknown"}
        return [row["id"] for row in rows if row["evaluation_id"] not in unknown]

    def _tell_lag(self, submitted_at: Iterable[float]) -> None:
        """The oldest of these, and of what was refused, waits to be told."""
        waiting = [*submitted_at, *(refused.submitted_at for refused in self._refused.values())]
        self._metrics.oldest_untold_at = min(waiting, default=None)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), _POLL_S)
        except TimeoutError:
            return
        self._wake.clear()


@dataclass(frozen=True, slots=True)
class _Refused:
    """A row that stands aside; ``until`` is of the relay's clock."""

    submitted_at: float
    until: float


def _submitted_at(row: Row) -> float:
    return uuid7_time(row["evaluation_id"]).timestamp()


def _places(rows: Sequence[Row]) -> list[str | None]:
    """Where in their traces these evaluations were submitted."""
    return [orjson.loads(row["body"]).get("trace_parent") for row in rows] if tracing.is_on() else []
