"""Exceptions in logs: where they came from, and of what they say only what can't hold anybody's data."""

import traceback
from typing import Final

#: A chain of causes is told this far.
_MOST: Final = 8
#: Their messages are made of names in the code, or of the system's words. Those of others quote values: what a
#: program wrote, for example, when pydantic or PostgreSQL refuses it.
_SPEAKING: Final = (OSError, AttributeError, TypeError, NameError, ImportError, AssertionError, RuntimeError)


def failure(error: BaseException) -> str:
    """The trace of ``error`` and of what led to it, as Python writes it, without the messages that quote values."""
    chain = [error]
    while len(chain) < _MOST and (before := _led_to(chain[-1])) is not None and before not in chain:
        chain.append(before)
    return "\n\n".join(_told(each) for each in reversed(chain))


def _led_to(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _told(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    frames = "".join(traceback.format_tb(error.__traceback__))
    own = kind.__module__.startswith("cloche.") or isinstance(error, _SPEAKING)
    message = str(error) if own and not isinstance(error, ValueError) else "(its message is not logged)"
    return f"Traceback (most recent call last):\n{frames}{name}: {message}"
