"""Server-sent events from bytes, in whatever pieces they arrive. No I/O.

Source: HTML Standard, section 9.2.6 "Interpreting an event stream".
"""

import re
from dataclasses import dataclass, field
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")

#: The largest event that a parser holds; the whole view of an evaluation is far smaller.
MAX_EVENT_BYTES: Final = 128 * 1024 * 1024


class SseError(Exception):
    """An event is larger than ``MAX_EVENT_BYTES``."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event. ``id`` is the last id the stream gave up to here, empty if it gave none."""

    type: str
    data: str
    id: str


@dataclass(slots=True)
class _Draft:
    """The fields of the event that is being read."""

    type: str = ""
    data: list[str] = field(default_factory=list[str])
    size: int = 0


class SseParser:
    """Feed it the bytes of one stream in order; comments, ``retry`` and unknown fields are skipped."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._held = 0
        self._after_cr = False
        self._at_start = True
        self._last_id = ""
        self._draft = _Draft()

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that ``chunk`` completes.

        Raises:
            SseError: an event grows too large; the stream is then of no more use.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        first, *more = _LINE_END.split(chunk)
        self._unfinished.append(first)
        self._held += len(first)
        events: list[SseEvent] = []
        for rest in more:
            event = self._line(b"".join(self._unfinished))
            if event is not None:
                events.append(event)
            self._unfinished, self._held = [rest], len(rest)
        if self._held + self._draft.size > MAX_EVENT_BYTES:
            raise SseError(f"an event is larger than {MAX_EVENT_BYTES} bytes")
        return events

    def _line(self, raw: bytes) -> SseEvent | None:
        if self._at_start:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if not raw:
            return self._dispatch()
        name, _, value = raw.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._draft.data.append(value)
            self._draft.size += len(raw)
        elif name == "event":
            self._draft.type = value
        elif name == "id" and "\0" not in value:
            self._last_id = value
        return None

    def _dispatch(self) -> SseEvent | None:
        draft, self._draft = self._draft, _Draft()
        if not draft.data:
            return None
        return SseEvent(draft.type or "message", "\n".join(draft.data), self._last_id)
