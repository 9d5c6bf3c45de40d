"""Lines out of chunks: the same whatever the chunks, in bounded memory, and nothing but a refusal for nonsense."""

import hashlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.batches.ndjson import Line, LineReader, parse_object
from cloche.kit.errors import MalformedRequestError

LIMIT = 40


def read(data: bytes, cuts: list[int], limit: int = LIMIT) -> list[Line]:
    reader = LineReader(limit)
    found: list[Line] = []
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        found += reader.feed(data[start:end])
        assert len(reader._held) <= limit
    found += reader.end()
    assert reader.digest == hashlib.sha256(data).digest()
    return found


TEXT = st.lists(
    st.one_of(
        st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")),
        st.sampled_from([b"", b"  ", b"\r", b"\xff\xfe", b"{}", b'{"a":1}', b"x" * 41, b"x" * 40]),
    ),
    max_size=12,
)
ENDS = st.sampled_from([b"\n", b"\r\n"])


@given(TEXT, ENDS, st.booleans(), st.lists(st.integers(0, 2000), max_size=8))
def test_lines_are_those_of_the_text_however_it_comes(parts: list[bytes], end: bytes, ended: bool, cuts: list[int]):
    data = end.join(parts) + (end if ended and parts else b"")
    found = read(data, cuts)
    expected = [
        (number, None if len(raw) > LIMIT else raw.rstrip(b"\r"))
        for number, raw in enumerate(data.split(b"\n"), 1)
        if len(raw) > LIMIT or raw.strip()
    ]
    assert [(line.number, line.data) for line in found] == expected
    for line in found[:-1]:
        upto = sum(len(raw) + 1 for raw in data.split(b"\n")[: line.number])
        assert line.digest == hashlib.sha256(data[:upto]).digest()


@given(st.binary(max_size=200))
def test_line_is_an_object_or_refused(data: bytes):
    try:
        parsed = parse_object(data, LIMIT)
    except MalformedRequestError:
        return
    assert parsed == json.loads(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "has more than 40 bytes"),
        (b"[1]", "is not a JSON object"),
        (b'"a"', "is not a JSON object"),
        (b"\xff{}", "is not JSON"),
        (b'{"a": "\xed\xa0\x80"}', "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"a":NaN}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(data: bytes | None, why: str):
    with pytest.raises(MalformedRequestError, match=why):
        parse_object(data, LIMIT)


def test_huge_line_is_passed_over_in_bounded_memory():
    reader = LineReader(1000)
    found: list[Line] = list(reader.feed(b"{}\n"))
    for _ in range(1000):
        found += reader.feed(b"x" * 10_000)
        assert len(reader._held) <= 1000
    found += reader.feed(b'x\n{"a":1}')
    found += reader.end()
    assert [(line.number, line.data) for line in found] == [(1, b"{}"), (2, None), (3, b'{"a":1}')]
