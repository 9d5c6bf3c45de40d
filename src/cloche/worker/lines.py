"""An NDJSON body, line by line, from a sender that is not trusted."""

import aiohttp

from cloche.worker.guard import MAX_LINE_BYTES, MisbehaviourError


class Lines:
    """The lines of one body. What is held is never much more than ``MAX_LINE_BYTES``."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._buffer = bytearray()
        #: Nothing before this place ends a line.
        self._searched = 0

    async def next(self) -> bytes | None:
        """The next line without its newline; None after the last.

        Raises:
            MisbehaviourError: it is longer than ``MAX_LINE_BYTES``, or the last one has no end.
        """
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > MAX_LINE_BYTES:
                raise MisbehaviourError("a line without end")
            part = await self._content.readany()
            if not part:
                if self._buffer:
                    raise MisbehaviourError("a line without end")
                return None
            self._buffer += part
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    async def end(self) -> None:
        """Return when the body ends.

        Raises:
            MisbehaviourError: anything more came.
        """
        if self._buffer or await self._content.readany():
            raise MisbehaviourError("more after the last line")
