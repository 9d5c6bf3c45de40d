"""Regular expressions that others wrote, by RE2: time linear in the text, memory bounded."""

from typing import Any, Final, cast

import re2  # pyright: ignore[reportMissingTypeStubs]  (untyped)

_MEMORY_BYTES: Final = 8 * 1024 * 1024


def matches_whole(regex: str, text: str) -> bool:
    """Whether all of ``text`` matches.

    Raises:
        ValueError: this is no expression of RE2's, or needs too much memory.
    """
    return _compiled(regex).fullmatch(text) is not None


def check_regex(regex: str) -> None:
    """Raises ``ValueError``, with what is wrong, unless ``matches_whole`` can use it."""
    _compiled(regex)


def _compiled(regex: str) -> Any:
    module = cast("Any", re2)
    options = module.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        return module.compile(regex, options)
    except module.error as error:
        (said,) = error.args
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
