import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.client import sse
from cloche.client.sse import SseError, SseEvent, SseParser


def parsed(*chunks: bytes) -> list[SseEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_an_event_has_its_type_data_and_id():
    assert parsed(b'id: e.1.2\nevent: output\ndata: {"a":1}\n\n') == [SseEvent("output", '{"a":1}', "e.1.2")]


def test_an_event_without_type_is_a_message():
    assert parsed(b"data: x\n\n") == [SseEvent("message", "x", "")]


def test_the_last_id_holds_for_events_without_one():
    events = parsed(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")
    assert [event.id for event in events] == ["1", "1", ""]


def test_an_id_with_nul_is_ignored():
    assert parsed(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n")[1].id == "1"


def test_lines_of_data_are_joined_and_one_space_is_taken():
    assert parsed(b"data: a\ndata:  b\ndata\n\n")[0].data == "a\n b\n"


def test_comments_unknown_fields_and_events_without_data_are_skipped():
    assert parsed(b": ping\n\nretry: 5\nevent: lost\n\nwhat: x\ndata: y\n\n") == [SseEvent("message", "y", "")]


def test_a_byte_order_mark_is_no_part_of_the_first_field():
    assert parsed(b"\xef\xbb", b"\xbfdata: x\n\n")[0].data == "x"


def test_an_unfinished_event_is_not_told():
    assert parsed(b"data: x\n") == []


def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    with pytest.raises(SseError):
        parsed(*[b"x" * 100] * 20)


def test_an_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    with pytest.raises(SseError):
        parsed(*[b"data: " + b"x" * 100 + b"\n"] * 20)


_line = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)
_event = st.builds(
    SseEvent,
    type=_line.map(lambda text: f"t{text}"),
    data=st.lists(_line, min_size=1, max_size=3).map("\n".join),
    id=_line.map(lambda text: f"i{text}"),
)


def _encode(event: SseEvent, end: str) -> str:
    data = "".join(f"data: {line}{end}" for line in event.data.split("\n"))
    return f": note{end}id: {event.id}{end}event: {event.type}{end}{data}{end}"


_end = st.sampled_from(["\n", "\r", "\r\n"])


@given(sent=st.lists(st.tuples(_event, _end), max_size=4), data=st.data())
def test_any_cut_into_pieces_gives_the_same_events(sent: list[tuple[SseEvent, str]], data: st.DataObject):
    raw = "".join(_encode(event, end) for event, end in sent).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert parsed(*pieces) == [event for event, _ in sent]
