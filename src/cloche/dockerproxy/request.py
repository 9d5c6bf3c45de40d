"""Reads one HTTP/1.1 request strictly: what two parsers could understand differently is refused."""

import asyncio
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import h11

from cloche.kit.errors import MalformedRequestError, TooLargeError

MAX_HEAD_BYTES: Final = 8 * 1024
MAX_HEADERS: Final = 32
HEAD_S: Final = 5.0
BODY_S: Final = 10.0

METHODS: Final = ("GET", "POST", "DELETE")

_END: Final = b"\r\n\r\n"
_REQUEST_LINE: Final = re.compile(rf"({'|'.join(METHODS)}) (/[A-Za-z0-9/._-]*) HTTP/1\.1")
_HEADER: Final = re.compile(r"([A-Za-z0-9-]{1,64}): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_BARE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")


@dataclass(frozen=True)
class Request:
    """A request. Header names are lower case, each at most once."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def asks_upgrade(self) -> bool:
        """Whether it asks, rightly, for a raw stream."""
        return self.headers.get("upgrade") == "tcp" and self.headers.get("connection", "").lower() == "upgrade"

    @property
    def mentions_upgrade(self) -> bool:
        """Whether it asks for any other protocol in any way."""
        return "upgrade" in self.headers or "upgrade" in self.headers.get("connection", "").lower()


async def read_request(reader: asyncio.StreamReader, *, max_body_bytes: int) -> Request:
    """The connection's one request; bytes after its end are refused, so nothing can be pipelined.

    Raises:
        MalformedRequestError: it is not strict HTTP/1.1, too slow, or more follows.
        TooLargeError: the head is over 8 KiB or the body over ``max_body_bytes``.
    """
    try:
        async with asyncio.timeout(HEAD_S):
            head, rest = await _read_head(reader)
        request = parse_head(head)
        length = int(request.headers.get("content-length", "0"))
        if length > max_body_bytes:
            raise TooLargeError
        if len(rest) < length:
            async with asyncio.timeout(BODY_S):
                rest += await reader.readexactly(length - len(rest))
    except TimeoutError:
        raise MalformedRequestError("The request took too long to arrive.") from None
    except (asyncio.IncompleteReadError, OSError):
        raise MalformedRequestError("The request was cut short.") from None
    _check_nothing_after(rest[length:])
    return Request(request.method, request.target, request.headers, rest[:length])


@functools.lru_cache(maxsize=64)
def parse_head(head: bytes) -> Request:
    """The request line and headers in ``head``, which ends with an empty line.

    Our own grammar is narrower than HTTP's; h11 reads the same bytes as a second opinion. A caller's heads of one call
    are often alike, byte by byte, and are read once.

    Raises:
        MalformedRequestError: anything is not exactly as it must be.
    """
    if _BARE_LINE_END.search(head) or not head.isascii():
        raise MalformedRequestError("The head is not lines of ASCII.")
    first, *lines = head.removesuffix(_END).decode("ascii").split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise MalformedRequestError("The request line is not understood.")
    if len(lines) > MAX_HEADERS:
        raise MalformedRequestError("Too many headers.")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise MalformedRequestError("A header is not understood.")
        _add_header(headers, header[1].lower(), header[2])
    _check_framing(headers)
    _check_second_opinion(head, found[1], found[2])
    return Request(found[1], found[2], MappingProxyType(headers))


def _add_header(headers: dict[str, str], name: str, value: str) -> None:
    if name in headers:
        raise MalformedRequestError("A header is there twice.")
    headers[name] = value


def _check_second_opinion(head: bytes, method: str, target: str) -> None:
    try:
        http = h11.Connection(h11.SERVER)
        http.receive_data(head)
        event = http.next_event()
    except h11.RemoteProtocolError:
        raise MalformedRequestError("The head is not HTTP/1.1.") from None
    if not isinstance(event, h11.Request) or event.target.decode() != target or event.method.decode() != method:
        raise MalformedRequestError("The head is not HTTP/1.1.")


def _check_framing(headers: dict[str, str]) -> None:
    if "host" not in headers:
        raise MalformedRequestError("The Host header is missing.")
    for refused in ("transfer-encoding", "expect", "trailer", "te", "http2-settings"):
        if refused in headers:
            raise MalformedRequestError("A header that is not understood here.")
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", headers.get("content-length", "0")):
        raise MalformedRequestError("Content-Length is not a number.")


def _check_nothing_after(rest: bytes) -> None:
    if rest:
        raise MalformedRequestError("More follows the request.")


async def _read_head(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    got = b""
    while (end := got.find(_END)) < 0:
        if _BARE_LINE_END.search(got):
            raise MalformedRequestError("The head is not lines of ASCII.")
        if len(got) > MAX_HEAD_BYTES:
            raise TooLargeError
        chunk = await reader.read(MAX_HEAD_BYTES)
        if not chunk:
            raise MalformedRequestError("The request was cut short.")
        got += chunk
    if end > MAX_HEAD_BYTES:
        raise TooLargeError
    return got[: end + len(_END)], got[end + len(_END) :]
