"""Whether a program's output is what a case expects. Pure, linear in time, no copies of large outputs."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from cloche.contracts.submission import Compare, FloatCompare

_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE)
#: Longer tokens are compared as text: no float needs more digits to be written exactly.
_NUMBER_MAX = 800
_BLOCK = 4096


@dataclass(frozen=True)
class Grade:
    """Whether it matches; if not, where the first difference is, for people."""

    matches: bool
    difference: str = ""


_SAME = Grade(matches=True)


def grade(output: bytes, expected: bytes, compare: Compare) -> Grade:
    """Compare in the way a case asks for.

    ``exact`` is byte for byte. ``trimmed`` ignores whitespace at the ends of lines and of the
    output. ``tokens`` compares what stands between whitespace. ``float`` compares tokens,
    and numbers up to a difference that is absolute or relative to the expected number;
    NaN equals NaN, an infinity only itself.
    """
    if output == expected:
        return _SAME
    if isinstance(compare, FloatCompare):
        return _by_token(output, expected, compare.float)
    if compare == "exact":
        return _exact(output, expected)
    if compare == "trimmed":
        return _by_line(output, expected)
    return _by_token(output, expected, None)


def _exact(output: bytes, expected: bytes) -> Grade:
    shorter = min(len(output), len(expected))
    for start in range(0, shorter, _BLOCK):
        ours, theirs = output[start : start + _BLOCK], expected[start : start + _BLOCK]
        if ours != theirs:
            inside = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
            at = start + (min(len(ours), len(theirs)) if inside is None else inside)
            return Grade(matches=False, difference=f"byte {at} differs")
    return Grade(matches=False, difference=f"{len(output)} bytes where {len(expected)} are expected")


def _by_line(output: bytes, expected: bytes) -> Grade:
    for number, (ours, theirs) in enumerate(zip_longest(_lines(output), _lines(expected)), 1):
        if ours != theirs:
            return Grade(matches=False, difference=_what("line", number, ours, theirs))
    return _SAME


def _by_token(output: bytes, expected: bytes, tolerance: float | None) -> Grade:
    for number, (ours, theirs) in enumerate(zip_longest(_tokens(output), _tokens(expected)), 1):
        if ours == theirs:
            continue
        if tolerance is None or ours is None or theirs is None or not _close(ours, theirs, tolerance):
            return Grade(matches=False, difference=_what("token", number, ours, theirs))
    return _SAME


def _what(unit: str, number: int, ours: bytes | None, theirs: bytes | None) -> str:
    if ours is None:
        return f"{unit} {number} is missing"
    return f"{unit} {number} is not expected" if theirs is None else f"{unit} {number} differs"


def _lines(data: bytes) -> Iterator[bytes]:
    end, start = len(data.rstrip()), 0
    while start < end:
        stop = data.find(b"\n", start, end)
        stop = end if stop < 0 else stop
        yield data[start:stop].rstrip()
        start = stop + 1


def _tokens(data: bytes) -> Iterator[bytes]:
    return (found[0] for found in _TOKEN.finditer(data))


def _close(ours: bytes, theirs: bytes, tolerance: float) -> bool:
    if max(len(ours), len(theirs)) > _NUMBER_MAX or not (_NUMBER.fullmatch(ours) and _NUMBER.fullmatch(theirs)):
        return False
    measured, wanted = float(ours), float(theirs)
    if math.isnan(measured) or math.isnan(wanted):
        return math.isnan(measured) and math.isnan(wanted)
    if math.isinf(measured) or math.isinf(wanted):
        return measured == wanted
    return abs(measured - wanted) <= max(tolerance, tolerance * abs(wanted))
