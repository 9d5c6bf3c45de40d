import asyncio

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from cloche.worker.guard import MAX_LINE_BYTES, MisbehaviourError
from cloche.worker.lines import Lines


async def lines_of(*parts: bytes) -> Lines:
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), limit=2 * MAX_LINE_BYTES, loop=loop)
    for part in parts:
        content.feed_data(part)
    content.feed_eof()
    return Lines(content)


async def test_lines_come_one_by_one_whatever_they_came_in():
    lines = await lines_of(b"a\n", b"b", b"c\nd\n\n")
    assert [await lines.next() for _ in range(5)] == [b"a", b"bc", b"d", b"", None]


@pytest.mark.parametrize("said", [b"a", b"x" * (MAX_LINE_BYTES + 1)], ids=["last", "long"])
async def test_line_without_end_is_refused(said: bytes):
    lines = await lines_of(said)
    with pytest.raises(MisbehaviourError, match="a line without end"):
        await lines.next()


async def test_nothing_may_come_after_the_last_line():
    lines = await lines_of(b"last\n")
    assert await lines.next() == b"last"
    await lines.end()


@pytest.mark.parametrize("parts", [(b"last\n ",), (b"last\n\n",), (b"last\n", b"{}\n")])
async def test_any_byte_after_the_last_line_is_refused(parts: tuple[bytes, ...]):
    lines = await lines_of(*parts)
    assert await lines.next() == b"last"
    with pytest.raises(MisbehaviourError, match="more after the last line"):
        await lines.end()
