"""Lines of JSON out of chunks of bytes, in bounded memory. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import orjson

from cloche.kit.errors import MalformedRequestError


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; ``number`` counts from 1, blank ones too. ``data`` is None where it was too long.

    ``digest`` is the SHA-256 of every byte up to the line's end; ``name`` is what people call it.
    """

    number: int
    data: bytes | None
    digest: bytes
    name: str = ""

    @property
    def label(self) -> str:
        """What a refusal calls it."""
        return self.name or f"line {self.number}"


class LineReader:
    """Splits at LF; a CR before it belongs to the end of the line. Blank lines are passed over.

    Holds no more than one line of ``limit`` bytes, and what was fed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        self._too_long = False
        self._number = 0
        self._hash = sha256()

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that ``chunk`` ends."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._hold(chunk[start:end])
            self._hash.update(b"\n")
            start = end + 1
            yield from self._end_line()
        self._hold(chunk[start:])

    def end(self) -> Iterator[Line]:
        """The last line, if nothing ended it."""
        if self._held or self._too_long:
            yield from self._end_line()

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that was fed."""
        return self._hash.digest()

    def _hold(self, part: bytes) -> None:
        self._hash.update(part)
        if len(self._held) + len(part) > self._limit:
            self._too_long = True
            self._held.clear()
        if not self._too_long:
            self._held += part

    def _end_line(self) -> Iterator[Line]:
        self._number += 1
        data, self._held = bytes(self._held).rstrip(b"\r"), bytearray()
        too_long, self._too_long = self._too_long, False
        if too_long or data.strip():
            yield Line(self._number, None if too_long else data, self._hash.copy().digest())


def parse_object(data: bytes | None, limit: int) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        MalformedRequestError: it is too long, no JSON, or no object.
    """
    if data is None:
        raise MalformedRequestError(f"has more than {limit} bytes")
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(f"is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedRequestError("is not a JSON object")
    return cast("dict[str, Any]", value)
