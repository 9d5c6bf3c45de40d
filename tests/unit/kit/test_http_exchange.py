"""One answer, however it comes in pieces: its status, its body or raw stream, and nothing of another."""

import asyncio
import contextlib
from pathlib import Path

import pytest
import uvloop

from cloche.kit.http_exchange import Exchange, ExchangeError

UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"


def head(line: str, fields: str = "") -> bytes:
    return f"HTTP/1.1 {line}\r\n{fields}\r\n".encode()


OK = head("200 OK", "Content-Length: 2\r\n") + b"{}"
CHUNKED = head("200 OK", "Transfer-Encoding: chunked\r\n")

#: What the other side sends before it closes, piece by piece, and what is understood.
UNDERSTOOD = {
    "a length": ([OK], (200, b"{}")),
    "byte by byte": ([OK[i : i + 1] for i in range(len(OK))], (200, b"{}")),
    "chunks": ([CHUNKED, b"2\r\n{}\r\n", b"0\r\n\r\n"], (200, b"{}")),
    "the end of the connection": (
        [head("404 Not Found") + b"No such container", b": x"],
        (404, b"No such container: x"),
    ),
    "no body by its status": ([head("204 No Content")], (204, b"")),
    "an announcement first": ([head("100 Continue") + OK], (200, b"{}")),
}
REFUSED = {
    "nothing": [],
    "a head without its end": [b"HTTP/1.1 200 OK\r\n"],
    "less than the length": [head("200 OK", "Content-Length: 5\r\n") + b"{}"],
    "chunks without the last": [CHUNKED + b"2\r\n{}\r\n"],
    "two lengths": [head("200 OK", "Content-Length: 2\r\nContent-Length: 3\r\n") + b"{}"],
    "a length and chunks": [
        head("200 OK", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + b"2\r\n{}\r\n0\r\n\r\n"
    ],
    "another version": [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
    "another protocol": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "a second answer": [head("404 Not Found", "Content-Length: 0\r\n") + OK],
    "a second answer that switches": [head("404 Not Found", "Content-Length: 0\r\n") + head("101 Switching", UPGRADE)],
    "an announcement with a body": [head("150 Wait", "Content-Length: 3\r\n") + b"abc" + OK],
    "a switch nobody asked for": [head("101 Switching", UPGRADE)],
    "a body over the limit": [head("200 OK", "Content-Length: 200\r\n") + b"x" * 200],
}
STREAMS = {
    "by itself": [head("101 UPGRADED", UPGRADE), b"raw"],
    "with early bytes": [head("101 UPGRADED", UPGRADE) + b"raw"],
    "split": [head("101 UPGRADED", UPGRADE)[:30], head("101 UPGRADED", UPGRADE)[30:-1], b"\nraw"],
}


async def told(place: Path, pieces: list[bytes], *, upgrade: bool = False) -> tuple[int, bytes]:
    """The status, and the body or the whole raw stream, of an answer of these pieces."""

    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.001)
            writer.close()
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_unix_server(answer, place / "s"), asyncio.timeout(10):
        exchange = await Exchange.open(f"unix:{place / 's'}", "POST", "/x", upgrade=upgrade)
        try:
            status = await exchange.head()
            if status != 101:
                return status, await exchange.body(limit=100)
            raw = b""
            while data := await exchange.read():
                raw += data
            return status, raw
        finally:
            await exchange.close()
            await ended.wait()


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_an_answer_is_understood(tmp_path: Path, name: str) -> None:
    pieces, expected = UNDERSTOOD[name]
    assert await told(tmp_path, pieces) == expected


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_one_whole_answer_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExchangeError):
        await told(tmp_path, REFUSED[name])


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_begins_behind_the_head(tmp_path: Path, name: str) -> None:
    assert await told(tmp_path, STREAMS[name], upgrade=True) == (101, b"raw")


async def test_a_refused_switch_is_an_answer(tmp_path: Path) -> None:
    refusal = [head("409 Conflict") + b"is not running\r\n"]
    assert await told(tmp_path, refusal, upgrade=True) == (409, b"is not running\r\n")


async def _write_for_ever(exchange: Exchange) -> None:
    async with asyncio.timeout(10):
        while True:
            await exchange.write(b"x" * 1024)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_writing_to_a_connection_that_is_gone_says_so(tmp_path: Path, run: object) -> None:
    async def write_on() -> None:
        async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with await asyncio.start_unix_server(leave, tmp_path / "s"):
            exchange = await Exchange.open(f"unix:{tmp_path / 's'}", "POST", "/x", upgrade=True)
            with contextlib.suppress(ExchangeError):
                assert await exchange.read() == b""
            with pytest.raises(ExchangeError):
                await _write_for_ever(exchange)
            exchange.abort()
            with pytest.raises(ExchangeError):
                await exchange.write(b"x")
            exchange.write_eof()
            await exchange.close()

    assert callable(run)
    run(write_on())
