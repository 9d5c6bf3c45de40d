"""What a reader is told is what it lacks, by the bytes it has, whichever event brought them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloche.api.replay import Bookmark, Position, Sse, chunk_event, state_events
from cloche.kit.bus import EventId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def chunk(offset: int, data: bytes, seq: int | None = None) -> Any:
    return {"epoch": "ab12", "seq": seq, "byte_offset": offset, "data": data, "at": NOW}


@given(st.text(max_size=80))
def test_parsing_a_bookmark_never_raises(text: str):
    found = Bookmark.parse(text)
    assert found is None or Bookmark.parse(str(found)) == found


def test_bookmark_round_trip():
    assert Bookmark.parse("ab12.3.45.190.7") == Bookmark(EventId("ab12", 3, 45), 190, 7)
    assert Bookmark.parse("ab12.3.45") is None


def test_event_is_bookmarked_with_what_its_reader_has_by_then():
    position = Position.of(Bookmark(EventId("ab12", 1, 3), 190, 7))
    position.advance("stdout", 230)
    told = position.bookmarked(Sse("output", "{}", EventId("ab12", 1, 4)))
    assert told.encode() == b"id: ab12.1.4.230.7\nevent: output\ndata: {}\n\n"
    assert position.bookmarked(Sse("gap", "{}")).bookmark is None


def test_output_that_came_with_the_record_is_told_from_where_the_reader_is():
    position = Position.of(Bookmark(EventId("ab12", 1, 3), 4, 0))
    for seq in (6, None):
        told = chunk_event(chunk(0, b"one\ntwo\n", seq), position, "stdout")
        assert told is not None
        assert '"offset":4,"bytes":4,"text":"two\\n"' in told.data
    assert chunk_event(chunk(0, b"one\n", 6), position, "stdout") is None


def test_chunk_with_a_smaller_sequence_is_told_to_a_reader_who_lacks_its_bytes():
    position = Position.of(Bookmark(EventId("ab12", 1, 4), 0, 7))
    assert chunk_event(chunk(0, b"one\n", 3), position, "stdout") is not None
    assert chunk_event(chunk(0, b"1234567", 4), position, "stderr") is None


def test_chunk_that_the_bus_will_bring_is_left_to_it():
    position = Position.of(Bookmark(EventId("ab12", 1, 2)))
    position.live_from = EventId("ab12", 1, 4)
    assert chunk_event(chunk(0, b"one\n", 3), position, "stdout") is not None
    assert chunk_event(chunk(0, b"one\n", 4), position, "stdout") is None


def test_start_is_not_told_again_to_a_reader_of_its_output():
    row: Any = {"attempt": 1, "epoch": "ab12", "runtime": "python", "engine": "local", "isolation": "namespace"}
    row |= {f"{what}_at": NOW for what in ("queued", "leased", "started")}
    row |= {"queued_seq": 1, "leased_seq": 1, "started_seq": 6}
    names = [sse.event for _, sse in state_events(row, Position.of(Bookmark(EventId("ab12", 1, 3), 4, 0)))]
    assert names == []
    names = [sse.event for _, sse in state_events(row, Position.of(Bookmark(EventId("ab12", 1, 3))))]
    assert names == ["evaluation.started"]
