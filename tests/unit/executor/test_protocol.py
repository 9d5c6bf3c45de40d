"""The Python side of the launcher's language, fed by a launcher that may be anybody."""

import contextlib
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.executor.launcher import protocol
from cloche.executor.launcher.protocol import FrameReader, ProtocolError, Step

DONE = (
    b"exit_code=0\0signal=-1\0killed=none\0killed_after_us=-1\0exec_errno=0\0wall_us=1\0cpu_us=1\0max_rss=1\0memory_peak=-1\0"
    b"oom_kills=-1\0sampled_peak=0\0out_written=1\0out_kept=1\0err_written=0\0err_kept=0\0"
)


def frame(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">cI", kind, len(payload)) + payload


@given(
    st.lists(st.tuples(st.sampled_from([b"R", b"o", b"e", b"D", b"X"]), st.binary(max_size=200)), max_size=8),
    st.lists(st.integers(1, 50), max_size=40),
)
def test_frames_survive_any_cut(frames: list[tuple[bytes, bytes]], cuts: Sequence[int]) -> None:
    data, reader, seen = b"".join(frame(*f) for f in frames), FrameReader(), []
    for size in (*cuts, len(data)):
        piece, data = data[:size], data[size:]
        seen += list(reader.feed(piece))
    assert seen == frames


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        for kind, payload in FrameReader().feed(data):
            assert kind in {b"R", b"o", b"e", b"D", b"X"}
            assert len(payload) <= protocol.MAX_FROM_LAUNCHER


@given(st.binary(max_size=300))
def test_any_payload_is_read_or_a_protocol_error(payload: bytes) -> None:
    for parse in (protocol.parse_done, protocol.parse_fault, protocol.parse_ready):
        with contextlib.suppress(ProtocolError):
            parse(payload)


def test_frame_that_is_too_long_is_refused_before_it_is_held() -> None:
    with pytest.raises(ProtocolError):
        list(FrameReader().feed(struct.pack(">cI", b"o", protocol.MAX_FROM_LAUNCHER + 1)))


def test_done_is_read() -> None:
    done = protocol.parse_done(DONE)
    assert (done.exit_code, done.signal, done.killed, done.memory_peak) == (0, -1, "none", -1)


@pytest.mark.parametrize(
    "payload",
    [b"", DONE + b"exit_code=1\0", DONE + b"more=1\0", DONE.replace(b"killed=none", b"killed=nobody"), DONE[:-20]],
)
def test_done_with_other_fields_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        protocol.parse_done(payload)


@pytest.mark.parametrize("where", ["argv", "env"])
def test_nul_is_refused_where_it_would_forge_a_field(where: str) -> None:
    values = {"argv": ("a",), "env": (("A", "b"),)}
    values[where] = ("a\0cpu_ms=1",) if where == "argv" else (("A", "b\0cpu_ms=1"),)
    with pytest.raises(ValueError, match="NUL"):
        protocol.step(Step(values["argv"], values["env"], b"", False, 1, 1, 1, False, 1, 1, 1, 1))  # pyright: ignore[reportArgumentType]  (either of two shapes)
