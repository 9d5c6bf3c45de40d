"""Plain data on its way between a program's cell and its grader's, as JSON.

Runs inside both cells, under whatever Python (3.8 or later) the runtime is, and imports nothing of Cloche. What is
decoded is made of the builtin types themselves, whatever was encoded: nothing of the program's can compare, hash or
change itself. ``null``, ``true``, numbers that JSON keeps, and strings stand for themselves, an array for a list; an
object holds one entry whose key names the type.
"""

import importlib
import sys
from binascii import a2b_base64, b2a_base64

_EXACT_INT = 1 << 53
#: Classes by kind, each with its module: only who uses one pays for its import.
_NUMBERS = {"decimal": ("decimal", "Decimal"), "fraction": ("fractions", "Fraction")}
_TIMES = {kind: ("datetime", kind) for kind in ("datetime", "date", "time")}


class NotPlainError(Exception):
    """A value that has no plain form, or words that are no value."""


def encode(value, opaque):
    """The JSON form. ``opaque(value)`` gives what a value that is not plain is known by, or raises."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -_EXACT_INT < number < _EXACT_INT else {"int": hex(number)}
    if isinstance(value, float):
        return {"float": float.hex(value)}
    if isinstance(value, complex):
        return {"complex": [float.hex(value.real), float.hex(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": b2a_base64(bytes(value), newline=False).decode("ascii")}
    return _encode_container(value, opaque)


def _encode_container(value, opaque):
    if isinstance(value, list):
        return [encode(item, opaque) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"tuple": [encode(item, opaque) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(k, opaque), encode(v, opaque)] for k, v in dict.items(value)]}
    if isinstance(value, (set, frozenset)):
        name = "set" if isinstance(value, set) else "frozenset"
        return {name: [encode(item, opaque) for item in value]}
    if isinstance(value, range):
        return {"range": [hex(value.start), hex(value.stop), hex(value.step)]}
    if hasattr(type(value), "__next__"):
        return {"iterator": [encode(item, opaque) for item in value]}
    if isinstance(value, _if_loaded("numpy", "generic")):
        return encode(value.item(), opaque)
    for kind, place in _NUMBERS.items():
        if isinstance(value, _if_loaded(*place)):
            return {kind: str(value)}
    for kind, place in _TIMES.items():
        if type(value) is _if_loaded(*place):
            return {kind: value.isoformat()}
    if type(value) is _if_loaded("datetime", "timedelta"):
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    return {"opaque": opaque(value)}


def _if_loaded(module, name):
    """The class; nothing is one of it where nobody has imported its module."""
    return getattr(sys.modules.get(module), name, ())


def _loaded(module, name):
    return getattr(importlib.import_module(module), name)


def decode(words, known):
    """The value. ``known(what)`` gives what stands for a value that is not plain.

    Raises:
        NotPlainError: these are no value.
    """
    if words is None or isinstance(words, (bool, int, str)):
        return words
    if isinstance(words, list):
        return [decode(item, known) for item in words]
    if not isinstance(words, dict) or len(words) != 1:
        raise NotPlainError("these are no value")
    ((kind, inner),) = words.items()
    try:
        return _decode_named(kind, inner, known)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        raise NotPlainError("this is no %.20s" % kind) from None


def _decode_named(kind, inner, known):
    if kind == "int":
        return int(inner, 16)
    if kind == "float":
        return float.fromhex(inner)
    if kind == "complex":
        return complex(*map(float.fromhex, inner))
    if kind == "bytes":
        return a2b_base64(inner)
    if kind == "dict":
        return {decode(key, known): decode(value, known) for key, value in inner}
    if kind == "range":
        return range(*[int(number, 16) for number in inner])
    if kind in {"tuple", "set", "frozenset", "iterator"}:
        make = {"tuple": tuple, "set": set, "frozenset": frozenset, "iterator": iter}[kind]
        return make([decode(item, known) for item in inner])
    if kind in _NUMBERS:
        return _loaded(*_NUMBERS[kind])(inner)
    if kind in _TIMES:
        return _loaded(*_TIMES[kind]).fromisoformat(inner)
    if kind == "timedelta":
        return _loaded("datetime", "timedelta")(*inner)
    if kind == "opaque":
        return known(inner)
    raise NotPlainError("there is no kind %.20s" % kind)
