"""Comparing outputs: what each way ignores and what it does not, and that size does not hurt."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.contracts.submission import Compare, FloatCompare, RegexCompare
from cloche.executor.grading import grade
from cloche.kit.linear_regex import check_regex

WAYS: list[Compare] = ["exact", "trimmed", "tokens", FloatCompare(float=1e-6)]


@given(st.binary(max_size=300))
def test_every_way_accepts_the_expected_output_itself(data: bytes) -> None:
    assert all(grade(data, data, way).matches for way in WAYS)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_ways_grow_more_tolerant_in_order(output: bytes, expected: bytes) -> None:
    results = [grade(output, expected, way).matches for way in WAYS]
    assert results == sorted(results)
    assert results[0] == (output == expected)


@given(st.lists(st.text("ab ", max_size=8), max_size=12), st.text(" \t\r", max_size=4), st.text("\n \t", max_size=6))
def test_trimmed_ignores_whitespace_at_line_ends_and_at_the_end(lines: list[str], tail: str, end: str) -> None:
    clean = "\n".join(line.rstrip() for line in lines).encode()
    spoiled = "\n".join(line.rstrip() + tail for line in lines).encode() + end.encode()
    assert grade(spoiled, clean, "trimmed").matches
    assert grade(clean, spoiled, "trimmed").matches


@pytest.mark.parametrize(
    ("output", "expected", "difference"),
    [
        (b"a\nb\n", b"a\nc\n", "line 2 differs"),
        (b"a\n", b"a\nb\n", "line 2 is missing"),
        (b"a\nb\n", b"a\n", "line 2 is not expected"),
        (b" a\n", b"a\n", "line 1 differs"),
        (b"a\n\nb\n", b"a\nb\n", "line 2 differs"),
    ],
)
def test_trimmed_names_the_line(output: bytes, expected: bytes, difference: str) -> None:
    found = grade(output, expected, "trimmed")
    assert (found.matches, found.difference) == (False, difference)


def test_exact_names_the_byte() -> None:
    data = bytes(10_000)
    assert grade(data[:5000] + b"x" + data[5001:], data, "exact").difference == "byte 5000 differs"
    assert not grade(b"a", b"a\n", "exact").matches


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
    st.floats(min_value=-0.5, max_value=0.5),
)
def test_float_accepts_what_is_within_the_tolerance(value: float, part: float) -> None:
    near = value + part * 1e-3 * max(1.0, abs(value))
    assert grade(repr(near).encode(), repr(value).encode(), FloatCompare(float=1e-3)).matches


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_float_refuses_what_is_beyond_the_tolerance(value: float) -> None:
    far = value + 3e-3 * max(1.0, abs(value))
    assert not grade(repr(far).encode(), repr(value).encode(), FloatCompare(float=1e-3)).matches


@pytest.mark.parametrize(
    ("output", "expected", "matches"),
    [
        (b"nan", b"NaN", True),
        (b"nan", b"1.0", False),
        (b"inf", b"Infinity", True),
        (b"-inf", b"inf", False),
        (b"1e400", b"inf", True),
        (b"1e308", b"inf", False),
        (b"1_0", b"10", False),
        (b"0x10", b"16", False),
        (b"1.0 apple", b"1 apple", True),
        (b"1.0 Apple", b"1 apple", False),
        (b"1", b"1 2", False),
        (b".5", b"0.5", True),
        (b"5.", b"5", True),
        (b"9" * 5000, b"9" * 4999 + b"8", False),
    ],
)
def test_float_is_careful_with_odd_numbers(output: bytes, expected: bytes, *, matches: bool) -> None:
    assert grade(output, expected, FloatCompare(float=1e-6)).matches is matches


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("filler", [b" ", b"\n", b"a", b"1 ", b"9"])
def test_large_outputs_take_linear_time(way: Compare, filler: bytes) -> None:
    begun = time.process_time()
    grade(filler * 2_000_000, filler * 1_999_999 + b"x", way)
    assert time.process_time() - begun < 20


@given(st.lists(st.sampled_from(["a", "b", "a b", "ab"]), max_size=10), st.randoms())
def test_unordered_lines_are_the_same_in_any_order(lines: list[str], chance: random.Random) -> None:
    mixed = chance.sample(lines, len(lines))
    assert grade("\n".join(mixed).encode(), "\n".join(lines).encode(), "unordered_lines").matches


@pytest.mark.parametrize(
    ("output", "difference"),
    [
        (b"b\na\na\n", "line 3 is not expected, or too often"),
        (b"a\n", "lines are missing: 1"),
        (b"a\nc\n", "line 2 is not expected, or too often"),
    ],
)
def test_unordered_lines_are_counted(output: bytes, difference: str) -> None:
    assert grade(b"b\na\n", b"a\nb\n", "unordered_lines").matches
    assert grade(output, b"a\nb\n", "unordered_lines").difference == difference


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        (b'{"a": 1, "b": [true, null]}', b'{ "b":[true,null], "a":1.0 }\n', True),
        (b"1", b"true", False),
        (b"[1]", b"[true]", False),
        (b'{"a": 1}', b'{"a": 1, "b": 1}', False),
        (b"[1, 2]", b"[2, 1]", False),
        (b"{", b"{", False),
        (b"[" * 100_000, b"[" * 100_000, False),
        (b"[" * 100_000 + b"]" * 100_000, b"[]", False),
    ],
)
def test_json_is_compared_by_value(output: bytes, expected: bytes, same: bool) -> None:
    assert grade(output, expected, "json").matches is same


def test_expression_must_match_the_whole_output() -> None:
    assert grade(b"took 12 ms\n\n", b"", RegexCompare(regex=r"took \d+ ms")).matches
    assert not grade(b"took 12 ms and more\n", b"", RegexCompare(regex=r"took \d+ ms")).matches


def test_expression_that_blows_up_elsewhere_takes_linear_time() -> None:
    assert not grade(b"a" * 1_000_000 + b"c", b"", RegexCompare(regex="(a*)*b|(a|aa)+$x")).matches


def test_json_that_is_much_longer_than_expected_is_not_read() -> None:
    output = b"[" + b"[]," * 200_000 + b"0]"
    assert grade(output, b"[0]", "json").difference == f"{len(output)} bytes are more than any right answer takes"
    assert grade(b"[1" + b" " * 200_000 + b"]", b"[1]", "json").matches


_MANY = "|".join(f"[ab]*a[ab]{{{n}}}c" for n in range(900, 1000))


@pytest.mark.parametrize("regex", [_MANY, "((((a{9}){9}){9}){9}){9}", "("])
def test_expressions_of_many_states_are_refused(regex: str) -> None:
    with pytest.raises(ValueError, match=r"states|repetition|too large|missing"):
        check_regex(regex)


def test_text_that_is_too_long_for_an_expression_does_not_match() -> None:
    way = RegexCompare(regex="[ab]*a[ab]{999}c")
    assert "too long" in grade(b"ab" * 100_000, b"", way).difference
    assert grade(b"a" * 1000 + b"c", b"", way).matches
