"""Values that are safe to keep: bounded, finite, storable as JSON and by PostgreSQL, whoever sent them.

An executor stands next to hostile code, and what it says is stored, added up and shown. These
types refuse what would only fail later, in a part that can't tell whose fault it was.
"""

import base64
import re
from datetime import datetime
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

#: Integers up to here are the same number in JSON, in JavaScript and in a float.
MAX_COUNT: Final = 2**53

MESSAGE_CHARACTERS: Final = 500

_CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_NO_CONTROLS: Final = f"^[^{_CONTROLS}]*$"
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")

_INSTANT: Final = r"^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"


def _on_the_calendar(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _base64(text: str) -> str:
    base64.b64decode(text, validate=True)
    return text


def _written_out(value: object) -> object:
    if isinstance(value, str) and not value.lstrip("+-").replace(".", "", 1).isdecimal():
        return value
    raise ValueError("needs a date, a time and an offset, such as 2026-01-31T00:00:00Z")


#: A moment as people and their programs write it. Pydantic would also take a bare number, in a unit that it guesses.
Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_written_out)]

#: A moment in UTC, RFC 3339 with microseconds and ``Z``, in the years 1970 to 9999.
Instant: TypeAlias = Annotated[str, Field(pattern=_INSTANT), AfterValidator(_on_the_calendar)]

#: A number of things or bytes.
Count: TypeAlias = Annotated[int, Field(ge=0, le=MAX_COUNT)]

#: A measured amount; its field's name says of what.
Amount: TypeAlias = Annotated[float, Field(ge=0, le=MAX_COUNT, allow_inf_nan=False)]

#: What wait(2) says of a process that ended by itself.
ExitCode: TypeAlias = Annotated[int, Field(ge=0, le=255)]

#: A signal as wait(2) has it.
SignalNumber: TypeAlias = Annotated[int, Field(ge=0, le=127)]

#: A name or a version, on one screen line or less.
Word: TypeAlias = Annotated[str, Field(max_length=200, pattern=_NO_CONTROLS)]

#: A sentence or two for people; tabs and newlines are the only control characters.
Message: TypeAlias = Annotated[str, Field(max_length=MESSAGE_CHARACTERS, pattern=_NO_CONTROLS)]

#: A few lines for people.
Paragraph: TypeAlias = Annotated[str, Field(max_length=4000, pattern=_NO_CONTROLS)]

#: Bytes in base64 as RFC 4648 has it, padded and without line breaks.
Base64: TypeAlias = Annotated[str, AfterValidator(_base64)]


def as_message(text: str) -> str:
    """``text`` as a ``Message``: cut to its length, each character that it may not hold replaced by U+FFFD."""
    readable = text[:MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", readable)
