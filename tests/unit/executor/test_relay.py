"""Coalescing: which output travels as lines, which in the record, and that nothing falls between."""

import asyncio
import hashlib
import json
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloche.contracts.words import Stream
from cloche.executor.outbox import Outbox
from cloche.executor.relay import Relay


async def drain(outbox: Outbox, into: list[dict[str, object]]) -> None:
    async for piece in outbox.lines():
        into += [json.loads(line) for line in piece.splitlines()]


def joined(lines: list[dict[str, object]], stream: str) -> bytes:
    data = b""
    for line in (line for line in lines if line["stream"] == stream):
        assert line["offset"] == len(data)
        data += b64decode(str(line["data"]))
    return data


async def test_little_output_of_a_short_run_sends_no_line() -> None:
    outbox, lines = Outbox(), []
    relay = Relay(outbox, 1_000_000)
    await relay.add("stdout", b"hi")
    totals = await relay.finish()
    outbox.close()
    await drain(outbox, lines)
    assert lines == []
    assert totals["stdout"].data == "aGk="


async def test_output_goes_out_by_itself_after_the_interval() -> None:
    outbox = Outbox()
    relay = Relay(outbox, 1_000_000)
    await relay.add("stderr", b"slow")
    piece = await asyncio.wait_for(anext(aiter(outbox.lines())), 5)
    assert joined([json.loads(piece)], "stderr") == b"slow"
    relay.stop()


async def test_program_waits_for_a_reader_that_does_not_read() -> None:
    relay = Relay(Outbox(), 10_000_000)

    async def flood() -> None:
        for _ in range(100):
            await relay.add("stdout", b"x" * 60_000)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flood(), 0.5)
    relay.stop()


@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.integers(0, 70_000)), max_size=12),
    st.integers(0, 200_000),
)
@settings(max_examples=40, deadline=None)
def test_lines_and_record_together_hold_exactly_the_kept_bytes(pieces: list[tuple[str, int]], keep: int) -> None:
    async def run() -> None:
        outbox, lines = Outbox(), []
        relay = Relay(outbox, keep)
        reading = asyncio.create_task(drain(outbox, lines))
        written = {"stdout": b"", "stderr": b""}
        for number, (stream, size) in enumerate(pieces):
            data = bytes([number]) * size
            written[stream] += data
            await relay.add(stream, data)  # pyright: ignore[reportArgumentType]  (a stream's name)
        totals = await relay.finish()
        outbox.close()
        await reading
        for stream, summary in totals.items():
            kept = written[stream][:keep]
            assert (summary.bytes, summary.kept) == (len(written[stream]), len(kept))
            assert summary.sha256 == hashlib.sha256(kept).hexdigest()
            sent = joined(lines, stream)
            if summary.data is None:
                assert sent == kept
            else:
                assert b64decode(summary.data) == kept
                assert kept.startswith(sent)

    asyncio.run(run())


@given(st.text(alphabet="aé€😀", min_size=1, max_size=40), st.integers(1000, 50_000), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_lines_are_cut_between_characters(text: str, piece: int, cut: int) -> None:
    """Also where the program's writes or its output limit cut elsewhere: then only the last line is no text."""

    async def run() -> None:
        data = text.encode() * (150_000 // len(text.encode()))
        keep = len(data) - cut
        outbox, lines = Outbox(), []
        reading = asyncio.create_task(drain(outbox, lines))
        relay = Relay(outbox, keep)
        for start in range(0, len(data), piece):
            await relay.add("stdout", data[start : start + piece])
        await relay.finish()
        outbox.close()
        await reading
        assert joined(lines, "stdout") == data[:keep]
        pieces = [b64decode(str(line["data"])) for line in lines]
        for whole in pieces[:-1]:
            whole.decode()
        assert len(pieces[-1]) < 4 or pieces[-1].decode()

    asyncio.run(run())


async def test_pieces_of_two_writers_go_out_in_turn():
    outbox = Outbox()
    relay = Relay(outbox, 1 << 30)
    ends = {"stdout": 0, "stderr": 0}
    total = 60

    async def read() -> None:
        async for piece in outbox.lines():
            for raw in piece.splitlines():
                line = json.loads(raw)
                assert line["offset"] == ends[line["stream"]]
                ends[line["stream"]] += len(b64decode(line["data"]))
            await asyncio.sleep(0.01)

    async def write(stream: Stream, size: int) -> None:
        for _ in range(total):
            await relay.add(stream, b"x" * size)

    reading = asyncio.create_task(read())
    await asyncio.gather(write("stdout", 100_000), write("stderr", 40_000), write("stderr", 7))
    await relay.finish()
    outbox.close()
    await reading
    assert ends == {"stdout": total * 100_000, "stderr": total * 40_007}
