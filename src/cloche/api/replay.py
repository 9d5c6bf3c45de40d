"""From what PostgreSQL holds to the events a watcher has not seen yet. No I/O."""

import base64
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from cloche.api.views import text_or_base64
from cloche.contracts.events import Leased, Queued
from cloche.contracts.record import CaseResult
from cloche.contracts.words import Stream
from cloche.kit.bus import EventId, StreamEvent
from cloche.kit.clock import iso
from cloche.kit.postgres import Row

#: ``evaluation.queued`` is the first event of all, and begins no stream.
QUEUED_SEQ = 1


#: No more digits than PostgreSQL's integer and Lua's numbers hold, whoever sends an id.
_BOOKMARK = re.compile(r"([0-9a-z]{1,16})\.([0-9]{1,9})\.([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})", re.ASCII)


class Bookmark(NamedTuple):
    """How far a reader has come: the last event, and how many bytes of its attempt's streams the reader has.

    Which event brought a byte may change on the way to the record; the byte's offset does not.
    """

    event: EventId
    stdout: int = 0
    stderr: int = 0

    def __str__(self) -> str:
        """The id of an event on the wire: ``epoch.attempt.seq.stdout.stderr``."""
        return f"{self.event.epoch}.{self.event.attempt}.{self.event.seq}.{self.stdout}.{self.stderr}"

    @classmethod
    def parse(cls, text: str) -> "Bookmark | None":
        """The bookmark, or None when ``text`` is not one."""
        found = _BOOKMARK.fullmatch(text)
        if found is None:
            return None
        return cls(EventId(found[1], int(found[2]), int(found[3])), int(found[4]), int(found[5]))


@dataclass(frozen=True, slots=True)
class Sse:
    """One server-sent event; without a place in the bus (``id``) it leaves the reader's bookmark as it is."""

    event: str
    data: str
    id: EventId | None = None
    bookmark: Bookmark | None = None

    def encode(self) -> bytes:
        """As bytes on the wire. ``data`` is JSON on one line."""
        head = f"id: {self.bookmark}\n" if self.bookmark else ""
        return f"{head}event: {self.event}\ndata: {self.data}\n\n".encode()


@dataclass(slots=True)
class Position:
    """How far one watcher has come: the last event and the next byte of each stream."""

    epoch: str = ""
    attempt: int = 0
    seq: int = 0
    offsets: dict[Stream, int] = field(default_factory=dict["Stream", int])
    #: From this event on the bus has all, and a replay need not bring them.
    live_from: EventId | None = None

    @classmethod
    def of(cls, bookmark: Bookmark | None) -> "Position":
        """Where a reader goes on, from the beginning without a bookmark."""
        if bookmark is None:
            return cls()
        offsets: dict[Stream, int] = {"stdout": bookmark.stdout, "stderr": bookmark.stderr}
        return cls(*bookmark.event, offsets)

    def bookmarked(self, sse: Sse) -> Sse:
        """The event as it goes to the reader, who has all up to here once it has this."""
        if sse.id is None:
            return sse
        have = Bookmark(sse.id, self.offsets.get("stdout", 0), self.offsets.get("stderr", 0))
        return Sse(sse.event, sse.data, sse.id, have)

    def has_seen(self, epoch: str | None, attempt: int, seq: int | None) -> bool:
        """Whether the event with this id came before the position, or comes by itself."""
        if seq is None:
            return False
        return self.comes_live(epoch, seq) or (epoch == self.epoch and (attempt, seq) <= (self.attempt, self.seq))

    def comes_live(self, epoch: str | None, seq: int | None) -> bool:
        """Whether the bus will bring the event with this place."""
        live = self.live_from
        return live is not None and seq is not None and epoch == live.epoch and seq >= live.seq

    def enter(self, attempt: int) -> None:
        """A later attempt begins: its streams start at 0."""
        self.attempt = attempt
        self.offsets = {}

    def clip(self, stream: Stream, offset: int, data: bytes) -> tuple[int, bytes]:
        """The part of a chunk that the watcher does not have yet."""
        known = self.offsets.get(stream, 0)
        if offset < known:
            data = data[known - offset :]
            offset = known
        return offset, data

    def advance(self, stream: Stream, end: int) -> None:
        """The watcher has this stream up to ``end``."""
        self.offsets[stream] = max(end, self.offsets.get(stream, 0))


def output_event(position: Position, stream: Stream, offset: int, data: bytes, at: str, id_: EventId | None) -> Sse:
    """Bytes of a stream as a watcher receives them."""
    text, encoded = text_or_base64(data)
    body: dict[str, object] = {"attempt": position.attempt, "stream": stream, "offset": offset, "bytes": len(data)}
    if text is not None:
        body["text"] = text
    else:
        body["base64"] = encoded
    body["at"] = at
    return Sse("output", orjson.dumps(body).decode(), id_)


def gap_event(stream: Stream, start: int, end: int) -> Sse:
    """Bytes that this watcher will not get."""
    return Sse("gap", orjson.dumps({"stream": stream, "from": start, "to": end}).decode())


def retried_event(next_attempt: int) -> Sse:
    """What was shown is void; sent when the Queue Service's own event is late or lost."""
    body = {"reason": "the attempt was lost", "next_attempt": next_attempt}
    return Sse("evaluation.retried", orjson.dumps(body).decode())


def queued_before(event: StreamEvent, position: Position, epoch: str) -> list[Sse]:
    """What a lease says of the time before it, to a watcher that has been told nothing yet."""
    if event.type != "evaluation.leased" or position.attempt or position.seq:
        return []
    queued_at = Leased.model_validate_json(event.body).queued_at
    if queued_at is None:
        return []
    return [Sse("evaluation.queued", Queued(queued_at=queued_at).model_dump_json(), EventId(epoch, 0, QUEUED_SEQ))]


def missing_events(row: Row) -> list[Sse]:
    """The byte ranges that a stored verdict names as lost on the way."""
    missing: dict[Stream, list[tuple[int, int]]] = orjson.loads(row["missing"]) if row["missing"] else {}
    return [gap_event(stream, start, end) for stream, ranges in missing.items() for start, end in ranges]


def state_events(row: Row, position: Position) -> list[tuple[int, Sse]]:
    """``queued``, ``leased`` and ``started`` as far as they are known and unseen, with their sequences."""
    attempt, epoch = row["attempt"], row["epoch"]
    has_output = position.attempt == attempt and any(position.offsets.values())
    steps = (
        ("evaluation.queued", 0, row["queued_seq"], row["queued_at"], _queued),
        ("evaluation.leased", attempt, row["leased_seq"], row["leased_at"], _leased),
        ("evaluation.started", attempt, row["started_seq"], row["started_at"], _started),
    )
    found: list[tuple[int, Sse]] = []
    for name, of_attempt, seq, at, body in steps:
        seen = position.has_seen(epoch, of_attempt, seq) or (seq is None and position.seq > 0)
        seen = seen or (name == "evaluation.started" and has_output)
        if at is not None and not seen:
            id_ = EventId(epoch, of_attempt, seq) if epoch and seq else None
            found.append((seq or 0, Sse(name, body(row), id_)))
    return found


def chunk_event(row: Row, position: Position, stream: Stream) -> Sse | None:
    """A stored chunk, unless the watcher has its bytes; its sequence says nothing: two streams may change places."""
    if position.comes_live(row["epoch"], row["seq"]):
        return None
    offset, data = position.clip(stream, row["byte_offset"], row["data"])
    if not data:
        return None
    id_ = EventId(row["epoch"], position.attempt, row["seq"]) if row["epoch"] and row["seq"] else None
    return output_event(position, stream, offset, data, iso(row["at"]), id_)


def live_output(position: Position, body: bytes) -> tuple[Stream, int, bytes, str]:
    """Stream, offset, bytes and time of an ``output`` event from the bus, already clipped."""
    fields = orjson.loads(body)
    stream: Stream = fields["stream"]
    offset, data = position.clip(stream, fields["offset"], base64.b64decode(fields["data"]))
    return stream, offset, data, fields["at"]


def case_event(row: Row, case: CaseResult, position: Position) -> tuple[int, Sse] | None:
    """A decided case with its sequence, unless the watcher has it."""
    epoch, seq = row["epoch"], row["seq"]
    if position.has_seen(epoch, position.attempt, seq):
        return None
    id_ = EventId(epoch, position.attempt, seq) if epoch and seq else None
    return seq or 0, Sse("case.finished", orjson.dumps({"case": case.model_dump()}).decode(), id_)


def _queued(row: Row) -> str:
    return Queued(queued_at=iso(row["queued_at"])).model_dump_json()


def _leased(row: Row) -> str:
    queued_at = iso(row["queued_at"]) if row["queued_at"] else None
    return Leased(worker="", leased_at=iso(row["leased_at"]), queued_at=queued_at).model_dump_json()


def _started(row: Row) -> str:
    body = {
        "executor": "",
        "runtime": row["runtime"],
        "engine": row["engine"],
        "isolation": row["isolation"],
        "started_at": iso(row["started_at"]),
    }
    return orjson.dumps(body).decode()
