import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.cli.terminal import TerminalFilter, visible


def shown(*chunks: bytes) -> str:
    terminal = TerminalFilter()
    return "".join([*(terminal.feed(chunk) for chunk in chunks), terminal.finish()])


def test_plain_text_line_ends_tabs_and_carriage_returns_pass():
    assert shown("a\tüñ 👩‍🚀\r\n".encode()) == "a\tüñ 👩‍🚀\r\n"


@pytest.mark.parametrize(
    ("data", "sign"),
    [
        (b"\x1b]0;title\x07", "␛]0;title␇"),
        (b"\x1b]52;c;cm0gLXJm\x1b\\", "␛]52;c;cm0gLXJm␛\\"),
        (b"\x1b[2J", "␛[2J"),
        (b"\x1b[6n", "␛[6n"),
        (b"\x1bP+q\x1b\\", "␛P+q␛\\"),
        (b"\x08\x0b\x00\x7f", "␈␋␀␡"),
        ("\u009b31m\u0090".encode(), "⟨009B⟩31m⟨0090⟩"),
        (b"\x9b31m\xff", "\\x9b31m\\xff"),
        ("\u202eevil\u2066".encode(), "⟨202E⟩evil⟨2066⟩"),
        (b"\x1b", "␛"),
        (b"\x1b[3", "␛[3"),
        (b"\x1b[" + b"1;" * 100 + b"m", "␛[" + "1;" * 100 + "m"),
        (b"\xc3", "\\xc3"),
    ],
)
def test_a_control_is_shown_and_not_sent(data: bytes, sign: str):
    assert shown(data) == sign


def test_colours_pass_and_end_with_the_program():
    assert shown(b"\x1b[1;31mred") == "\x1b[1;31mred\x1b[0m"


@given(data=st.binary(max_size=60) | st.text("\x1b[]0;m\x9bé\n", max_size=30).map(str.encode), cuts=st.data())
def test_nothing_gets_through_however_it_is_cut(data: bytes, cuts: st.DataObject):
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    text = shown(*pieces)
    assert text == shown(data)
    rest = re.sub(r"\x1b\[[0-9;:]*m", "", text)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", rest)


def test_names_stay_on_one_line():
    assert visible("a\nb\tc\x1b[31m") == "a␊b␉c␛[31m"
