"""Lines on their way to the worker: a bounded queue that makes the program wait for a slow reader."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

#: Lines held for a reader; each carries at most one output chunk.
_MAX_LINES = 8


class Outbox:
    """One producer side, one reader. ``close`` ends the reader after what is there."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._closed = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, line: bytes) -> None:
        """Append a line (with its newline); waits while the reader is slow."""
        while len(self._lines) >= _MAX_LINES:
            self._room.clear()
            await self._room.wait()
        self.put_now(line)

    def put_now(self, line: bytes) -> None:
        """Append without waiting: for a timer, which runs at most once a coalescing interval."""
        self._lines.append(line)
        self._changed.set()

    @property
    def has_room(self) -> bool:
        """Whether ``put`` would not wait."""
        return len(self._lines) < _MAX_LINES

    def close(self) -> None:
        """Nothing more will come; idempotent."""
        self._closed = True
        self._changed.set()

    async def lines(self) -> AsyncIterator[bytes]:
        """Everything put so far in one piece, then again, until closed."""
        while True:
            if self._lines:
                piece = b"".join(self._lines)
                self._lines.clear()
                self._room.set()
                yield piece
            elif self._closed:
                return
            else:
                self._changed.clear()
                await self._changed.wait()
