import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.dockerproxy.request import Request, parse_head, read_request
from cloche.kit.errors import ClocheError, MalformedRequestError, TooLargeError

GOOD = b"POST /containers HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


async def read(sent: bytes) -> Request:
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    return await read_request(reader, max_body_bytes=4096)


async def test_a_strict_request_is_read() -> None:
    request = await read(GOOD + b"{}")
    assert (request.method, request.target, request.body) == ("POST", "/containers", b"{}")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"POST /containers HTTP/1.0\r\nHost: x\r\n\r\n", id="HTTP/1.0"),
        pytest.param(b"post /containers HTTP/1.1\r\nHost: x\r\n\r\n", id="a method in lower case"),
        pytest.param(b"HEAD /containers HTTP/1.1\r\nHost: x\r\n\r\n", id="another method"),
        pytest.param(b"GET http://x/containers HTTP/1.1\r\nHost: x\r\n\r\n", id="absolute form"),
        pytest.param(b"GET /containers?all=1 HTTP/1.1\r\nHost: x\r\n\r\n", id="a query"),
        pytest.param(b"GET /containers%2fjson HTTP/1.1\r\nHost: x\r\n\r\n", id="an escape in the path"),
        pytest.param(b"GET /containers#x HTTP/1.1\r\nHost: x\r\n\r\n", id="a fragment"),
        pytest.param(b"GET  /containers HTTP/1.1\r\nHost: x\r\n\r\n", id="two spaces"),
        pytest.param(b"GET /containers HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", id="two Hosts"),
        pytest.param(b"GET /containers HTTP/1.1\nHost: x\r\n\r\n", id="a bare line feed"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", id="a bare carriage return"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", id="a folded header"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", id="a space before the colon"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", id="a NUL"),
        pytest.param(b"GET /containers HTTP/1.1\r\nHost: x\r\nA: \xff\r\n\r\n", id="not ASCII"),
        pytest.param(GOOD.replace(b"Length: 2", b"Length: +2"), id="a signed length"),
        pytest.param(GOOD.replace(b"Length: 2", b"Length: 02"), id="a length with a leading zero"),
        pytest.param(GOOD.replace(b"Length: 2", b"Length: 2, 2"), id="a list of lengths"),
        pytest.param(GOOD.replace(b"Host: x", b"Host: x\r\nContent-Length: 2"), id="a length twice"),
        pytest.param(GOOD.replace(b"Host: x", b"Host: x\r\nTransfer-Encoding: chunked"), id="both framings"),
        pytest.param(GOOD.replace(b"Host: x", b"Host: x\r\nTransfer-Encoding: xchunked"), id="an unknown coding"),
        pytest.param(GOOD.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"), id="an expectation"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x" + b"\r\nA%d: b" * 40 % tuple(range(40)) + b"\r\n\r\n", id="40 headers"
        ),
    ],
)
async def test_what_parsers_read_differently_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        await read(head + b"{}" if b"Length" in head else head)


async def test_bytes_after_the_request_are_refused() -> None:
    with pytest.raises(MalformedRequestError):
        await read(GOOD + b"{}GET /containers HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_a_short_body_is_refused() -> None:
    with pytest.raises(MalformedRequestError):
        await read(GOOD + b"{")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a long head"),
        pytest.param(b"GET /" + b"a" * 20000, id="a head without end"),
        pytest.param(GOOD.replace(b"Length: 2", b"Length: 4097") + b"a" * 4097, id="a long body"),
    ],
)
async def test_what_is_too_large_is_refused(sent: bytes) -> None:
    with pytest.raises(TooLargeError):
        await read(sent)


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_a_head_with_anything_put_in_is_refused_or_still_what_it_says(junk: bytes, at: int) -> None:
    head = GOOD[: min(at, len(GOOD) - 4)] + junk + GOOD[min(at, len(GOOD) - 4) :]
    try:
        request = parse_head(head[: head.index(b"\r\n\r\n") + 4])
    except ClocheError:
        return
    assert head.startswith(f"{request.method} {request.target} HTTP/1.1\r\n".encode())
    for name, value in request.headers.items():
        assert f"{name}:".encode() in head.lower()
        assert value.isascii()
        assert value.isprintable()
