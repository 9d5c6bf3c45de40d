"""The fields of a Judge0 submission, read as Rails reads them: numbers and flags may be text. Pure."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from cloche.api.compat.lenient import lenient_base64
from cloche.contracts.problem import FieldProblem
from cloche.kit.errors import InvalidRequestError

_FALSE: Final = frozenset({False, "0", "f", "F", "false", "FALSE", "off", "OFF", ""})


class Fields:
    """What was submitted, and what is wrong with it so far."""

    def __init__(self, given: Mapping[str, Any], *, encoded: bool) -> None:
        self._given = given
        self._encoded = encoded
        self._problems: list[FieldProblem] = []

    def refuse(self, field: str, message: str) -> None:
        """Note a problem."""
        self._problems.append(FieldProblem(field=field, message=message))

    def stop_if_any(self) -> None:
        """Raises InvalidRequestError with all that was noted."""
        if self._problems:
            raise InvalidRequestError(self._problems[0].message, errors=self._problems)

    def is_given(self, name: str) -> bool:
        """Whether it is more than nothing or blanks."""
        value = self._given.get(name)
        return bool(value.strip() if isinstance(value, str) else value)

    def flag(self, name: str) -> bool:
        """A boolean."""
        value = self._given.get(name)
        return isinstance(value, bool | int | float | str) and value not in _FALSE

    def integer(self, name: str) -> int | None:
        """An integer; None where there is none."""
        value = self._given.get(name)
        if isinstance(value, str):
            found = re.match(r"\s*(\d{1,9})", value)
            return int(found[1]) if found else None
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """A number within bounds; the default where it is missing or was refused."""
        value = self._given.get(name)
        if value is None:
            return default
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            self.refuse(name, "is not a number")
        elif number < least:
            self.refuse(name, f"must be greater than or equal to {least:g}")
        elif number > most:
            self.refuse(name, f"must be less than or equal to {most:g}")
        else:
            return number
        return default

    def plain(self, name: str, longest: int | None) -> str:
        """A text that is never base64-decoded here; at most ``longest`` characters."""
        value = self._given.get(name)
        if value is None:
            return ""
        text = value if isinstance(value, str) else str(value)
        if longest is not None and len(text) > longest:
            self.refuse(name, f"is too long (maximum is {longest} characters)")
            return ""
        return text

    def data(self, name: str) -> bytes | None:
        """A text as bytes, decoded if the request says so; None where there is none."""
        value = self._given.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            return str(value).encode()
        return lenient_base64(value) if self._encoded else value.encode()

    def text(self, name: str) -> str | None:
        """As ``data``, for what Cloche keeps as text."""
        data = self.data(name)
        if data is None:
            return None
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.refuse(name, "must be UTF-8 here")
            return None
