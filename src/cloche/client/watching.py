"""From server-sent events to what a watcher is told: each thing once, whatever was sent again. No I/O."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cloche.client.sse import SseEvent
from cloche.client.wire import ForeignAnswerError
from cloche.contracts.evaluation import Evaluation, GapEvent, OutputEvent
from cloche.contracts.events import CaseFinished, Leased, Queued, Retried, Started
from cloche.contracts.words import Stream


@dataclass(frozen=True, slots=True)
class OutputChunk:
    """Bytes that the program wrote, from ``offset`` of its stream on."""

    attempt: int
    stream: Stream
    offset: int
    data: bytes
    at: str


@dataclass(frozen=True, slots=True)
class OutputGap:
    """Bytes ``start`` up to but without ``end`` of a stream that this watcher won't get; see ``output``."""

    stream: Stream
    start: int
    end: int


#: ``Retried`` voids everything that was told before it; the finished ``Evaluation`` is always the last.
WatchEvent: TypeAlias = Queued | Leased | Started | Retried | OutputChunk | OutputGap | CaseFinished | Evaluation

_STATES: Final[dict[str, type[Queued | Leased | Started | Retried]]] = {
    "evaluation.queued": Queued,
    "evaluation.leased": Leased,
    "evaluation.started": Started,
    "evaluation.retried": Retried,
}


@dataclass(slots=True)
class Watch:
    """How far one watcher has come, over all its connections."""

    last_event_id: str = ""
    _attempt: int = 0
    _ends: dict[Stream, int] = field(default_factory=dict["Stream", int])
    _told: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])

    def accept(self, event: SseEvent) -> WatchEvent | None:
        """What is new in ``event``; None when the watcher has it, or does not know its type.

        Raises:
            ForeignAnswerError: its data is not what its type says.
        """
        try:
            found = self._accept(event)
        except ValueError:
            raise ForeignAnswerError(f"An event of type {event.type[:40]!r} can't be read.") from None
        self.last_event_id = event.id or self.last_event_id
        return found

    def _accept(self, event: SseEvent) -> WatchEvent | None:
        match event.type:
            case "output":
                return self._output(OutputEvent.model_validate_json(event.data))
            case "gap":
                return self._gap(GapEvent.model_validate_json(event.data))
            case "case.finished":
                return self._case(CaseFinished.model_validate_json(event.data), event.id)
            case "evaluation.finished":
                return Evaluation.model_validate_json(event.data)
            case _:
                return self._state(event)

    def _state(self, event: SseEvent) -> WatchEvent | None:
        model = _STATES.get(event.type)
        if model is None:
            return None
        state = model.model_validate_json(event.data)
        if isinstance(state, Retried):
            return self._retried(state)
        return state if self._is_new(event.type) else None

    def _case(self, found: CaseFinished, event_id: str) -> CaseFinished | None:
        self._enter(_attempt_of(event_id))
        return found if self._is_new(f"case {found.case.index}") else None

    def _retried(self, state: Retried) -> Retried | None:
        if state.next_attempt <= self._attempt:
            return None
        self._enter(state.next_attempt)
        return state

    def _output(self, sent: OutputEvent) -> OutputChunk | None:
        if sent.attempt < self._attempt:
            return None
        self._enter(sent.attempt)
        data = sent.text.encode() if sent.text is not None else _decoded(sent.base64)
        known = self._ends.get(sent.stream, 0)
        fresh = data[max(0, known - sent.offset) :]
        if not fresh:
            return None
        end = sent.offset + len(data)
        self._ends[sent.stream] = end
        return OutputChunk(sent.attempt, sent.stream, end - len(fresh), fresh, sent.at)

    def _gap(self, gap: GapEvent) -> OutputGap | None:
        start, end = max(gap.start, self._ends.get(gap.stream, 0)), gap.end
        if start >= end:
            return None
        self._ends[gap.stream] = end
        return OutputGap(gap.stream, start, end)

    def _enter(self, attempt: int) -> None:
        if attempt > self._attempt:
            self._attempt = attempt
            self._ends = {}

    def _is_new(self, what: str) -> bool:
        key = (self._attempt, what)
        if key in self._told:
            return False
        self._told.add(key)
        return True


def _attempt_of(event_id: str) -> int:
    """The attempt in ``epoch.attempt.…``; 0 when it is something else."""
    parts = event_id.split(".")
    return int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else 0


def _decoded(encoded: str | None) -> bytes:
    try:
        return base64.b64decode(encoded or "", validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
