import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.executor.engines.docker.stdio_frames import STDERR, STDOUT, FramingError, StdioFrames


def framed(stream: int, data: bytes) -> bytes:
    return struct.pack(">B3xI", stream, len(data)) + data


@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=50))), st.integers(1, 40))
def test_streams_come_apart_however_the_bytes_arrive(frames: list[tuple[int, bytes]], size: int) -> None:
    raw = b"".join(framed(stream, data) for stream, data in frames)
    reader = StdioFrames()
    got = [piece for at in range(0, len(raw), size) for piece in reader.feed(raw[at : at + size])]
    for stream in (STDOUT, STDERR):
        assert b"".join(d for s, d in got if s == stream) == b"".join(d for s, d in frames if s == stream)
    assert all(data for _, data in got)


def test_headers_inside_the_output_stay_output() -> None:
    fake = framed(STDERR, b"forged")
    assert list(StdioFrames().feed(framed(STDOUT, fake))) == [(STDOUT, fake)]


def test_another_stream_is_refused() -> None:
    with pytest.raises(FramingError):
        list(StdioFrames().feed(framed(3, b"x")))
