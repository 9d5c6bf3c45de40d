"""Version selectors as npm has them: ``*``, ``3``, ``3.x``, ``^3.1``, ``~3.1``, ``>=3 <4``, ``1 - 2``, ``||``. Pure.

Source: github.com/npm/node-semver, "Ranges". Versions here have three numbers; pre-releases do not occur.
"""

import re
from typing import Final, NamedTuple, TypeAlias

Version: TypeAlias = tuple[int, int, int]

_PART: Final = r"(?:\d{1,9}|[xX*])"
_PARTIAL: Final = re.compile(rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?\Z")
_COMPARATOR: Final = re.compile(r"(>=|<=|>|<|=|\^|~>?|)(.*)\Z")
_HYPHEN: Final = re.compile(r"(\S+)\s+-\s+(\S+)\Z")
_NUMBER: Final = re.compile(r"\d+")
_LAST: Final = (10**9, 0, 0)


class _Span(NamedTuple):
    """From ``low`` up to but without ``high``."""

    low: Version
    high: Version


def parse_version(text: str) -> Version:
    """The first three numbers of a version, with 0 for those that are not there."""
    numbers = [int(found) for found in _NUMBER.findall(text[:64])[:3]]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch


def satisfies(version: Version, selector: str) -> bool:
    """Whether ``selector`` chooses ``version``; one that is no selector chooses nothing."""
    return any(_all_hold(version, alternative.strip()) for alternative in selector[:256].split("||"))


def _all_hold(version: Version, conditions: str) -> bool:
    hyphen = _HYPHEN.match(conditions)
    if hyphen:
        conditions = f">={hyphen[1]} <={hyphen[2]}"
    words = re.sub(r"(>=|<=|>|<|=|\^|~>?)\s+", r"\1", conditions).split() or ["*"]
    spans = [_span(word) for word in words]
    return all(span is not None and span.low <= version < span.high for span in spans)


def _span(word: str) -> _Span | None:
    found = _COMPARATOR.match(word)
    partial = _PARTIAL.match(found[2]) if found else None
    if found is None or partial is None:
        return None
    given: list[int] = []
    for part in partial.groups():
        if part is None or not part.isdecimal():
            break
        given.append(int(part))
    return _compared(found[1], given)


def _compared(operator: str, given: list[int]) -> _Span:
    low, behind = _padded(given), _behind(given)
    first = next((index for index, number in enumerate(given) if number), len(given) - 1)
    spans = {
        ">=": _Span(low, _LAST),
        ">": _Span(behind, _LAST),
        "<=": _Span((0, 0, 0), behind),
        "<": _Span((0, 0, 0), low),
        "^": _Span(low, _behind(given[: first + 1])),
        "~": _Span(low, _behind(given[:2])),
    }
    return spans.get("~" if operator == "~>" else operator, _Span(low, behind))


def _padded(given: list[int]) -> Version:
    major, minor, patch = (*given, 0, 0, 0)[:3]
    return major, minor, patch


def _behind(given: list[int]) -> Version:
    """The first version after all that begin with ``given``."""
    return _padded([*given[:-1], given[-1] + 1]) if given else _LAST
