"""Takes a container's attached output apart into stdout and stderr.

Each frame is one byte that names the stream, three zero bytes, the length as an unsigned
32-bit big-endian number, and the bytes.
Source: Docker Engine API v1.41, "Stream format" of ContainerAttach.
"""

import struct
from collections.abc import Iterator
from typing import Final

STDOUT: Final = 1
STDERR: Final = 2

_HEADER: Final = struct.Struct(">B3xI")


class FramingError(Exception):
    """The stream is not framed as the Docker Engine frames it."""


class StdioFrames:
    """Feeds on the raw stream; holds at most a partial header, so frames of any length pass through."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = STDOUT
        self._left = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (stream, bytes) for what ``data`` holds, in order; never empty bytes.

        Raises:
            FramingError: a header names neither stdout nor stderr.
        """
        at = 0
        while at < len(data):
            if self._left == 0:
                need = _HEADER.size - len(self._header)
                self._header += data[at : at + need]
                at += need
                if len(self._header) < _HEADER.size:
                    return
                self._stream, self._left = _HEADER.unpack(self._header)
                self._header = b""
                if self._stream not in {STDOUT, STDERR}:
                    raise FramingError("a frame of neither stdout nor stderr")
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            yield self._stream, piece
