"""Regular expressions that others wrote, by RE2: time linear in the text, memory bounded."""

from typing import Any, Final, cast

import re2  # pyright: ignore[reportMissingTypeStubs]  (untyped)

_MEMORY_BYTES: Final = 8 * 1024 * 1024
#: Steps of an automaton at worst: states times bytes. Some 30 ns each, so half a second.
_MOST_STEPS: Final = 20_000_000
_MOST_STATES: Final = 5_000


def matches_whole(regex: str, text: str) -> bool:
    """Whether all of ``text`` matches.

    Raises:
        ValueError: this is no expression of RE2's, or it and the text are too long for one another.
    """
    pattern = _compiled(regex)
    if pattern.programsize * len(text) > _MOST_STEPS:
        raise ValueError("it is too long for this expression")
    return pattern.fullmatch(text) is not None


def check_regex(regex: str) -> None:
    """Raises ``ValueError``, with what is wrong, unless ``matches_whole`` can use it."""
    _compiled(regex)


def _compiled(regex: str) -> Any:
    module = cast("Any", re2)
    options = module.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        pattern = module.compile(regex, options)
    except module.error as error:
        (said,) = error.args
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
    if pattern.programsize > _MOST_STATES:
        raise ValueError(f"it has {pattern.programsize} states, more than {_MOST_STATES}")
    return pattern
