from hypothesis import given
from hypothesis import strategies as st

from cloche.kit.utf8 import open_tail


@given(st.text(), st.integers(0, 200))
def test_a_cut_without_its_open_tail_is_text(text: str, cut: int):
    data = text.encode()[:cut]
    data[: len(data) - open_tail(data)].decode()


@given(st.binary(max_size=40))
def test_an_open_tail_begins_a_character_and_is_short(data: bytes):
    length = open_tail(data)
    assert length <= 3
    assert all(byte & 0xC0 == 0x80 for byte in data[len(data) - length + 1 :])


def test_whole_characters_and_hopeless_bytes_have_none():
    assert [open_tail(data) for data in (b"", b"a", "€".encode(), b"\xff", b"\x80\x80\x80", b"\xc0")] == [0] * 6
    assert [open_tail(data) for data in (b"a\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xe2")] == [1, 2, 3, 1]
