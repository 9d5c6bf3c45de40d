"""Reads JSON in which two parsers can't see different things: flat, ASCII, escape-free, each key once."""

import json
import re
from typing import Any, Final, cast

from cloche.kit.errors import MalformedRequestError

#: What JSON with flat, escape-free ASCII strings is made of.
_PLAIN: Final = re.compile(rb'[A-Za-z0-9 \t\r\n{}":,._+-]*')


def read_flat(body: bytes) -> dict[str, Any]:
    """The one object in ``body``; its values are strings, integers, booleans, null or objects.

    Raises:
        MalformedRequestError: it holds any other byte, a number with a point or an exponent, a key
            twice, or it is not one object.
    """
    if not _PLAIN.fullmatch(body):
        raise MalformedRequestError("The body is not plain JSON.")
    try:
        given: object = json.loads(body, object_pairs_hook=_each_key_once, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedRequestError("The body is not plain JSON with each key once.") from None
    if not isinstance(given, dict):
        raise MalformedRequestError("The body is not an object.")
    return cast(dict[str, Any], given)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key twice")
    return fields


def _refuse(_: str) -> Any:
    raise ValueError("not an integer")
