from hypothesis import given
from hypothesis import strategies as st

from cloche.api.views import cut_at_character, text_or_base64


@given(st.text(), st.integers(0, 50))
def test_text_is_cut_at_a_character(text: str, limit: int):
    data = text.encode()
    cut = cut_at_character(data, limit)
    assert data.startswith(cut)
    assert len(cut) <= limit or len(data) <= limit
    assert limit - 4 < len(cut) or len(cut) == len(data)
    assert text_or_base64(cut)[0] is not None


@given(st.binary(max_size=60), st.integers(0, 50))
def test_bytes_are_never_cut_by_more_than_a_character(data: bytes, limit: int):
    cut = cut_at_character(data, limit)
    assert data.startswith(cut)
    assert len(cut) <= max(limit, 0) or len(data) <= limit
    assert len(cut) >= min(len(data), limit) - 3


def test_bytes_that_are_not_utf8_come_as_base64():
    assert text_or_base64(b"\xff") == (None, "/w==")
