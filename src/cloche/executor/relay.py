"""A run's output on its way out: counted, cut, hashed, coalesced.

Lines go out at 32 KiB or 100 ms a stream, at once after quiet, cut between characters of UTF-8
where there are any. A run that ends within its first 100 ms with little output sends none: the
record carries it.
"""

import asyncio
import hashlib
from base64 import b64encode

import orjson

from cloche.contracts.execution import OUTPUT_CHUNK_BYTES
from cloche.contracts.record import INLINE_OUTPUT_BYTES, Span, StreamSummary
from cloche.contracts.words import STREAMS, Stream
from cloche.executor.outbox import Outbox
from cloche.kit.clock import iso_now
from cloche.kit.utf8 import open_tail

#: How long output may wait for more. DESIGN section 3.
INTERVAL_S = 0.1


class _StreamState:
    def __init__(self) -> None:
        self.written = 0
        self.kept = 0
        self.sent = 0
        self.unsent = bytearray()
        self.inline = bytearray()
        self.digest = hashlib.sha256()

    def keep(self, data: bytes, limit: int) -> None:
        self.written += len(data)
        kept = data[: limit - self.kept] if limit > self.kept else b""
        if not kept:
            return
        self.kept += len(kept)
        self.unsent += kept
        self.digest.update(kept)
        if self.kept <= INLINE_OUTPUT_BYTES:
            self.inline += kept

    @property
    def ready(self) -> bool:
        """Whether there is more than the beginning of a character, whose rest may still come."""
        return len(self.unsent) > open_tail(self.unsent)

    def take(self) -> tuple[int, bytes]:
        chunk, offset = bytes(self.unsent[:OUTPUT_CHUNK_BYTES]), self.sent
        chunk = chunk[: len(chunk) - open_tail(chunk)] or chunk
        del self.unsent[: len(chunk)]
        self.sent += len(chunk)
        return offset, chunk

    def summary(self) -> StreamSummary:
        few = self.kept <= INLINE_OUTPUT_BYTES
        return StreamSummary(
            bytes=self.written,
            kept=self.kept,
            sha256=self.digest.hexdigest(),
            data=b64encode(self.inline).decode("ascii") if few else None,
        )


class Relay:
    """The output of one evaluation, over all its cases.

    At most ``keep_bytes`` of each stream are kept; what comes after is only counted.
    """

    def __init__(self, outbox: Outbox, keep_bytes: int) -> None:
        self._outbox = outbox
        self._keep_bytes = keep_bytes
        self._streams: dict[Stream, _StreamState] = {stream: _StreamState() for stream in STREAMS}
        self._marks: dict[Stream, tuple[int, int]] = dict.fromkeys(STREAMS, (0, 0))
        self._opened = False
        self._turn = asyncio.Lock()
        self._next_at = asyncio.get_running_loop().time() + INTERVAL_S
        self._timer: asyncio.TimerHandle | None = None

    def begin_case(self) -> None:
        """Spans count from here."""
        self._marks = {stream: (state.kept, state.written) for stream, state in self._streams.items()}

    def span(self, stream: Stream, written: int) -> Span:
        """Where this case's output lies; ``written`` is the launcher's count, which may exceed what was relayed."""
        state, (kept, seen) = self._streams[stream], self._marks[stream]
        state.written = max(state.written, seen + written)
        return Span(offset=kept, kept=state.kept - kept, bytes=written)

    async def add(self, stream: Stream, data: bytes) -> None:
        """Take output as it comes; waits while the worker is slow. Several may add: the pieces go out in turn."""
        async with self._turn:
            await self._add(stream, data)

    async def _add(self, stream: Stream, data: bytes) -> None:
        state = self._streams[stream]
        state.keep(data, self._keep_bytes)
        now = asyncio.get_running_loop().time()
        if not self._opened and (now >= self._next_at or state.kept > INLINE_OUTPUT_BYTES):
            self._opened = True
        while self._opened and len(state.unsent) >= OUTPUT_CHUNK_BYTES:
            await self._send(stream, state)
        if self._opened and now >= self._next_at:
            await self._flush()
        elif self._timer is None and state.ready:
            self._timer = asyncio.get_running_loop().call_at(self._next_at, self._on_timer)

    async def finish(self) -> dict[Stream, StreamSummary]:
        """Send what the record can't carry; the totals."""
        self.stop()
        for stream, state in self._streams.items():
            while state.unsent and state.kept > INLINE_OUTPUT_BYTES:
                await self._send(stream, state)
        return {stream: state.summary() for stream, state in self._streams.items()}

    def stop(self) -> None:
        """No timer fires after this; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _flush(self) -> None:
        self._next_at = asyncio.get_running_loop().time() + INTERVAL_S
        for stream, state in self._streams.items():
            while state.ready:
                await self._send(stream, state)

    async def _send(self, stream: Stream, state: _StreamState) -> None:
        await self._outbox.put(_line(stream, *state.take()))

    def _on_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        self._opened = True
        self._next_at = loop.time() + INTERVAL_S
        if self._turn.locked() or not self._outbox.has_room:  # it must not overtake a line that waits for room
            self._timer = loop.call_at(self._next_at, self._on_timer)
            return
        for stream, state in self._streams.items():
            while state.ready:
                self._outbox.put_now(_line(stream, *state.take()))


def _line(stream: Stream, offset: int, chunk: bytes) -> bytes:
    data = b64encode(chunk).decode("ascii")
    line = {"type": "output", "stream": stream, "offset": offset, "data": data, "at": iso_now()}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
