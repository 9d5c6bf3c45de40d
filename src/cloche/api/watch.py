"""Following one evaluation: what is stored, then what happens, without gap or repeat."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from cloche.api.bells import Bells, Watcher
from cloche.api.replay import (
    Bookmark,
    Position,
    Sse,
    case_event,
    chunk_event,
    gap_event,
    live_output,
    missing_events,
    output_event,
    queued_before,
    retried_event,
    state_events,
)
from cloche.api.store import EvaluationStore
from cloche.api.views import STREAM_NAMES, evaluation
from cloche.contracts.words import Stream
from cloche.kit.bus import Bus, EventId, RedisError, StreamEvent
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE, Row

log = get_logger()

#: Without a doorbell a reader looks by itself this often.
LOOK_S = 1.0
#: How often PostgreSQL is asked which watched evaluations are finished. Source: DESIGN section 3.
FINISHED_POLL_S = 2.0
#: A reader holds no more events at once, of up to 43 KiB each: the next are read when these are sent.
_READ_EVENTS = 32
_EPOCH_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Place:
    """The last event that was read from a stream of the bus, and the subscription under which that was."""

    subscription: int = 0
    epoch: str = ""
    attempt: int = 0
    seq: int = 0

    @property
    def id(self) -> EventId:
        return EventId(self.epoch, self.attempt, self.seq)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A stored chunk. ``told`` is the latest time so far in its stream: a clock that steps back turns none around."""

    told: datetime
    row: Row


class Follower:
    """Shared by all watchers of this process."""

    def __init__(self, store: EvaluationStore, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self.bells = Bells(bus, self._on_sealed)
        self._waiting: dict[UUID, set[Watcher]] = {}
        self._finished: set[UUID] = set()

    async def run(self) -> None:
        """Ask PostgreSQL regularly which watched evaluations are finished, in case a publish was lost."""
        while True:
            await asyncio.sleep(FINISHED_POLL_S)
            if not self._waiting:
                continue
            try:
                finished = await self._store.finished_among(list(self._waiting))
            except UNAVAILABLE as error:
                log.warning("watch.poll_failed", error=type(error).__name__)
                continue
            for evaluation_id in finished:
                self._mark_finished(evaluation_id)

    def _on_sealed(self, subject: str) -> None:
        self._mark_finished(UUID(subject))

    def _mark_finished(self, evaluation_id: UUID) -> None:
        watchers = self._waiting.get(evaluation_id)
        if watchers:
            self._finished.add(evaluation_id)
            for watcher in watchers:
                watcher.rung.set()

    async def wait_finished(self, evaluation_id: UUID, timeout_s: float) -> bool:
        """Hold until the evaluation is finished or the time is over; whether it is finished.

        Needs no subscription of its own: every process hears of every end, and the poll finds what
        it did not hear of.
        """
        watcher = Watcher()
        self._enter(evaluation_id, watcher)
        try:
            return await watcher.wait(timeout_s)
        finally:
            self._leave(evaluation_id, watcher)

    async def follow(self, evaluation_id: UUID, tenant: str, after: Bookmark | None) -> AsyncIterator[Sse]:
        """Every event after ``after`` until the verdict, which is the last one.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        with self.bells.watch(str(evaluation_id)) as watcher:
            self._enter(evaluation_id, watcher)
            try:
                position = Position.of(after)
                async for event in self._follow(evaluation_id, tenant, position, watcher):
                    yield position.bookmarked(event)
            finally:
                self._leave(evaluation_id, watcher)

    async def _follow(
        self, evaluation_id: UUID, tenant: str, position: Position, watcher: Watcher
    ) -> AsyncIterator[Sse]:
        row = await self._store.find(evaluation_id, tenant)
        if row["status"] != "finished":
            async for event in self._until_finished(row, position, watcher):
                yield event
            row = await self._store.find(evaluation_id, tenant)
        async for event in self._stored(row, position):
            yield event
        for sse in missing_events(row):
            yield sse
        yield await self._last(row)

    async def _until_finished(self, row: Row, position: Position, watcher: Watcher) -> AsyncIterator[Sse]:
        """Live events; first what PostgreSQL holds from before Redis lost its data, if it did."""
        evaluation_id: UUID = row["id"]
        place = _Place()
        async for sse in self._find_place(row, position, place, watcher):
            yield sse
        while evaluation_id not in self._finished:
            events = await self._read(evaluation_id, place)
            async for sse in self._trimmed(row, position, place, events[:1]):
                yield sse
            for event in events:
                place.attempt, place.seq = event.attempt, event.seq
                async for sse in self._live(evaluation_id, position, place.id, event):
                    yield sse
            if not events and not await watcher.wait(LOOK_S):
                await self._look_again(place)
                async for sse in self._queued(row, position):
                    yield sse

    async def _find_place(self, row: Row, position: Position, place: _Place, watcher: Watcher) -> AsyncIterator[Sse]:
        """Where to read on, as soon as Redis tells its epoch: before that nobody knows what there is new."""
        while not await self._look_again(place):
            if not await watcher.wait(LOOK_S):
                async for sse in self._queued(row, position):
                    yield sse
            if row["id"] in self._finished:
                return
        if position.epoch == place.epoch:
            place.attempt, place.seq = position.attempt, position.seq
        elif position.epoch or row["epoch"] not in {None, place.epoch}:
            async for sse in self._stored(row, position):
                yield sse

    async def _queued(self, row: Row, position: Position) -> AsyncIterator[Sse]:
        """That it waits, which only PostgreSQL tells, to a watcher that has been told nothing yet."""
        if position.attempt or position.seq:
            return
        stored = await self._store.find(row["id"], row["tenant"])
        for seq, sse in state_events(stored, position):
            if sse.event == "evaluation.queued":
                position.epoch, position.seq = stored["epoch"] or "", seq
                yield sse

    async def _trimmed(
        self, row: Row, position: Position, place: _Place, following: list[StreamEvent]
    ) -> AsyncIterator[Sse]:
        """What lay in the stream between ``place`` and the next event, and was stored before it went from there."""
        for event in following:
            if event.seq <= place.seq + 1:
                return
            stored = await self._store.find(row["id"], row["tenant"])
            position.live_from = EventId(place.epoch, event.attempt, event.seq)
            async for sse in self._stored(stored, position):
                yield sse
            position.live_from = None
            position.epoch, position.seq = place.epoch, event.seq - 1

    async def _live(
        self, evaluation_id: UUID, position: Position, id_: EventId, event: StreamEvent
    ) -> AsyncIterator[Sse]:
        if event.attempt < position.attempt or position.has_seen(id_.epoch, id_.attempt, id_.seq):
            return
        if event.attempt > position.attempt:
            for sse in queued_before(event, position, id_.epoch):
                yield sse
            if position.attempt > 0 and event.type != "evaluation.retried":
                yield retried_event(event.attempt)  # the worker was faster than the queue's outbox
            position.enter(event.attempt)
        elif event.type == "evaluation.retried":
            return
        if event.type == "output":
            async for sse in self._live_output(evaluation_id, position, id_, event.body):
                yield sse
        position.epoch, position.seq = id_.epoch, id_.seq
        if event.type != "output":
            yield Sse(event.type, event.body.decode(), id_)

    async def _live_output(
        self, evaluation_id: UUID, position: Position, id_: EventId, body: bytes
    ) -> AsyncIterator[Sse]:
        stream, offset, data, at = live_output(position, body)
        if offset > position.offsets.get(stream, 0):
            async for sse in self._fill(evaluation_id, position, stream, offset):
                yield sse
        if data:
            position.advance(stream, offset + len(data))
            yield output_event(position, stream, offset, data, at, id_)

    async def _fill(self, evaluation_id: UUID, position: Position, stream: Stream, end: int) -> AsyncIterator[Sse]:
        """Bytes that the bus lost, from PostgreSQL if they are there, else told as a gap."""
        start = position.offsets.get(stream, 0)
        for row in await self._store.chunks(evaluation_id, position.attempt, stream, start, end, count=1024):
            known = position.offsets.get(stream, 0)
            if row["byte_offset"] > known:
                yield gap_event(stream, known, row["byte_offset"])
                position.advance(stream, row["byte_offset"])
            sse = chunk_event(row, position, stream)
            if sse is not None:
                position.advance(stream, row["byte_offset"] + len(row["data"]))
                yield sse
        known = position.offsets.get(stream, 0)
        if known < end:
            yield gap_event(stream, known, end)
            position.advance(stream, end)

    async def _stored(self, row: Row, position: Position) -> AsyncIterator[Sse]:
        """What PostgreSQL holds and the watcher lacks, in the order in which the bus had it."""
        if 0 < position.attempt < row["attempt"]:
            yield retried_event(row["attempt"])
        steps = state_events(row, position)
        if row["attempt"] > position.attempt:
            position.enter(row["attempt"])
        for case_row, case in await self._store.cases(row["id"], row["attempt"]):
            found = case_event(case_row, case, position)
            if found is not None:
                steps.append(found)
        steps.sort(key=lambda step: step[0])
        async for chunk in self._chunks(row):
            while steps and steps[0][0] < (chunk["seq"] or 0):
                yield steps.pop(0)[1]
            stream = STREAM_NAMES[chunk["stream"]]
            sse = chunk_event(chunk, position, stream)
            if sse is not None:
                position.advance(stream, chunk["byte_offset"] + len(chunk["data"]))
                yield sse
        for _, sse in steps:
            yield sse

    async def _chunks(self, row: Row) -> AsyncIterator[Row]:
        """The attempt's output in the order in which it was written, both streams together."""
        streams = [self._stream(row, stream) for stream in STREAM_NAMES]
        heads = [await anext(stream, None) for stream in streams]
        while any(heads):
            _, first = min((head.told, which) for which, head in enumerate(heads) if head is not None)
            head, heads[first] = heads[first], await anext(streams[first], None)
            if head is not None:
                yield head.row

    async def _stream(self, row: Row, stream: int) -> AsyncGenerator[_Chunk]:
        told, offset = _EPOCH_OF_TIME, -1
        while page := await self._store.replay(row["id"], row["attempt"], stream, offset):
            for chunk in page:
                told, offset = max(told, chunk["at"]), chunk["byte_offset"]
                yield _Chunk(told, chunk)

    async def _last(self, row: Row) -> Sse:
        stored = await self._store.complete(row)
        view = evaluation(stored)
        id_ = EventId(row["epoch"], row["attempt"], row["finished_seq"]) if row["finished_seq"] else None
        return Sse("evaluation.finished", view.model_dump_json(), id_)

    async def _look_again(self, place: _Place) -> bool:
        """Read on in the same place, or from the beginning if Redis has lost its data; whether Redis can tell."""
        subscription, epoch = self.bells.subscription, await self._epoch()
        if epoch not in {"", place.epoch}:
            place.epoch, place.attempt, place.seq = epoch, 0, 0
        if epoch:
            place.subscription = subscription
        return bool(epoch)

    async def _epoch(self) -> str:
        try:
            return await self._bus.epoch()
        except (RedisError, OSError):
            return ""

    async def _read(self, evaluation_id: UUID, place: _Place) -> list[StreamEvent]:
        if place.subscription != self.bells.subscription and not await self._look_again(place):
            return []
        try:
            return await self._bus.read(str(evaluation_id), place.attempt, place.seq, count=_READ_EVENTS)
        except (RedisError, OSError):
            return []

    def _enter(self, evaluation_id: UUID, watcher: Watcher) -> None:
        self._waiting.setdefault(evaluation_id, set()).add(watcher)

    def _leave(self, evaluation_id: UUID, watcher: Watcher) -> None:
        watchers = self._waiting[evaluation_id]
        watchers.discard(watcher)
        if not watchers:
            del self._waiting[evaluation_id]
            self._finished.discard(evaluation_id)
