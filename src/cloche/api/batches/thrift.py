"""Thrift's compact protocol, as much of it as a Parquet file's footer needs. No I/O.

Source: thrift-compact-protocol.md of Apache Thrift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_STOP: Final = b"\0"


@dataclass(frozen=True, slots=True)
class I64:
    """A number of eight bytes; a plain ``int`` has four."""

    value: int


Value: TypeAlias = "int | I64 | str | Sequence[Value] | Mapping[int, Value]"


def encode(fields: Mapping[int, Value]) -> bytes:
    """A struct: its fields by number, in growing order. An empty list is one of structs."""
    parts: list[bytes] = []
    before = 0
    for number, value in fields.items():
        parts += [bytes([number - before << 4 | _type(value)]), _body(value)]
        before = number
    return b"".join(parts) + _STOP


def varint(number: int) -> bytes:
    """Seven bits a byte, the least first; not negative."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _type(value: Value) -> int:
    if isinstance(value, int):
        return _I32
    if isinstance(value, I64):
        return _I64
    if isinstance(value, str):
        return _BINARY
    return _STRUCT if isinstance(value, Mapping) else _LIST


def _body(value: Value) -> bytes:
    if isinstance(value, int):
        return varint(value << 1)
    if isinstance(value, I64):
        return varint(value.value << 1)
    if isinstance(value, str):
        raw = value.encode()
        return varint(len(raw)) + raw
    if isinstance(value, Mapping):
        return encode(value)
    kind = _type(value[0]) if value else _STRUCT
    head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + varint(len(value))
    return head + b"".join(_body(one) for one in value)
