"""``--limit name=value``: limits in words and units that people write. No I/O."""

import re
from typing import Any, Final

from pydantic import ValidationError

from cloche.contracts.limits import CompileLimits, Limits

_VALUE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\Z")
_UNITS: Final = {
    "s": {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0},
    "bytes": {"": 1, "b": 1, "k": 2**10, "kib": 2**10, "m": 2**20, "mib": 2**20, "g": 2**30, "gib": 2**30},
    "count": {"": 1},
}
_SHORT: Final = {"wall": "wall_time_s", "cpu": "cpu_time_s", "time": "wall_time_s"}
_NAMES: Final = {name: name for name in Limits.model_fields} | {
    name.removesuffix("_s").removesuffix("_bytes"): name for name in Limits.model_fields
}


class LimitOptionError(Exception):
    """What was given to ``--limit`` is not a limit."""


def parse_limits(options: list[str]) -> tuple[Limits, CompileLimits]:
    """The limits of the program and, from names that begin with ``compile.``, of its compiler.

    Raises:
        LimitOptionError: says which option, and what there is instead.
    """
    given: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    for option in options:
        name, separator, value = option.partition("=")
        of_compiler = name.startswith("compile.")
        field = _field(name.removeprefix("compile."))
        if not separator or field is None:
            raise LimitOptionError(
                f"'{option}' is no limit; write name=value, with one of: {', '.join(sorted(_NAMES))}."
            )
        given[of_compiler][field] = _number(option, field, value)
    try:
        return Limits.model_validate(given[False]), CompileLimits.model_validate(given[True])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise LimitOptionError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _field(name: str) -> str | None:
    plain = name.strip().replace("-", "_")
    return _SHORT.get(plain) or _NAMES.get(plain)


def _number(option: str, field: str, value: str) -> float | int:
    kind = "s" if field.endswith("_s") else "bytes" if field.endswith("_bytes") else "count"
    units = _UNITS[kind]
    match = _VALUE.match(value.strip())
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        known = ", ".join(unit for unit in units if unit) or "none"
        raise LimitOptionError(f"'{option}': the value is a number with a unit of: {known}.")
    number = float(match[1]) * factor
    return number if kind == "s" else int(number)
