"""Whether a program's output is what a case expects. Pure, bounded in time and memory by its length."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Final, cast

from cloche.contracts.submission import Compare, FloatCompare, RegexCompare
from cloche.kit.linear_regex import matches_whole

_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE)
#: Longer tokens are compared as text: no float needs more digits to be written exactly.
_NUMBER_MAX = 800
_BLOCK = 4096
#: Reading JSON takes much memory, and nobody else runs meanwhile: what is much longer than expected is not read.
_JSON_BYTES = 256 * 1024


@dataclass(frozen=True)
class Grade:
    """Whether it matches; if not, where the first difference is, for people."""

    matches: bool
    difference: str = ""
    #: Of a checker that gives parts.
    score: float | None = None


_SAME = Grade(matches=True)


def grade(output: bytes, expected: bytes, compare: Compare) -> Grade:
    """Compare in the way a case asks for.

    ``exact`` is byte for byte. ``trimmed`` ignores whitespace at the ends of lines and of the
    output. ``tokens`` compares what stands between whitespace. ``float`` compares tokens,
    and numbers up to a difference that is absolute or relative to the expected number;
    NaN equals NaN, an infinity only itself. ``unordered_lines`` is ``trimmed`` in any order of the lines. ``json``
    compares values, numbers as numbers. A ``regex`` must match the whole output but for white space at its end.
    ``checker`` is not for here.
    """
    if isinstance(compare, RegexCompare):
        return _by_regex(output, compare.regex)
    if isinstance(compare, FloatCompare):
        return _SAME if output == expected else _by_token(output, expected, compare.float)
    return _BY_NAME[compare](output, expected)


def _exact(output: bytes, expected: bytes) -> Grade:
    if output == expected:
        return _SAME
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


def _in_any_order(output: bytes, expected: bytes) -> Grade:
    left = Counter(_lines(expected))
    for number, ours in enumerate(_lines(output), 1):
        if not left[ours]:
            return Grade(matches=False, difference=f"line {number} is not expected, or too often")
        left[ours] -= 1
    missing = left.total()
    return Grade(matches=False, difference=f"lines are missing: {missing}") if missing else _SAME


def _by_json(output: bytes, expected: bytes) -> Grade:
    if len(output) > max(_JSON_BYTES, 4 * len(expected)):
        return Grade(matches=False, difference=f"{len(output)} bytes are more than any right answer takes")
    try:
        ours = json.loads(output)
    except (ValueError, RecursionError):
        return Grade(matches=False, difference="it is no JSON")
    try:
        theirs = json.loads(expected)
        same = _equal(ours, theirs)
    except (ValueError, RecursionError):
        return Grade(matches=False, difference="it is nested too deeply, or what is expected is no JSON")
    return _SAME if same else Grade(matches=False, difference="the JSON value differs")


def _equal(ours: object, theirs: object) -> bool:
    """Equality in which ``true`` is not 1."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, list) and isinstance(theirs, list):
        mine, yours = cast("list[object]", ours), cast("list[object]", theirs)
        return len(mine) == len(yours) and all(map(_equal, mine, yours))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        named, wanted = cast("dict[str, object]", ours), cast("dict[str, object]", theirs)
        return named.keys() == wanted.keys() and all(_equal(named[key], wanted[key]) for key in named)
    return ours == theirs


def _by_regex(output: bytes, regex: str) -> Grade:
    try:
        matches = matches_whole(regex, output.rstrip().decode("utf-8", "replace"))
    except ValueError as error:
        return Grade(matches=False, difference=str(error))
    return _SAME if matches else Grade(matches=False, difference="it does not match the expression")


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


_BY_NAME: Final[dict[str, Callable[[bytes, bytes], Grade]]] = {
    "exact": _exact,
    "trimmed": _by_line,
    "tokens": partial(_by_token, tolerance=None),
    "unordered_lines": _in_any_order,
    "json": _by_json,
}
