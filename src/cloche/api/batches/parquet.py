"""Flat tables as Apache Parquet, one row group after the other in bounded memory. No I/O.

Plain values in gzipped pages, every column optional: all readers take that, and what is sent are a few short columns.
A library would do the same, and weighs more than all of Cloche.

Source: the format's README and parquet.thrift, version 2.10 (data page version 1).
"""

import gzip
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from cloche.api.batches.thrift import I64, Value, encode, varint

Kind = Literal["text", "int32", "int64", "double", "bool"]

_MAGIC: Final = b"PAR1"
_PHYSICAL: Final[dict[Kind, int]] = {"bool": 0, "int32": 1, "int64": 2, "double": 5, "text": 6}
_PACKED: Final[dict[Kind, str]] = {"int32": "i", "int64": "q", "double": "d"}
_OPTIONAL: Final = 1
_UTF8: Final = 0
_PLAIN, _RLE = 0, 3
_GZIP: Final = 2
_DATA_PAGE: Final = 0


class ParquetFile:
    """A file in pieces: ``head``, then row groups, then ``foot``. Rows are mappings that have every column."""

    def __init__(self, columns: Mapping[str, Kind]) -> None:
        self._columns = columns
        self._offset = len(_MAGIC)
        self._rows = 0
        self._groups: list[Value] = []

    def head(self) -> bytes:
        """The first bytes."""
        return _MAGIC

    def group(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """A row group; nothing for no rows."""
        if not rows:
            return b""
        parts: list[bytes] = []
        chunks: list[Value] = []
        size = 0
        for name, kind in self._columns.items():
            raw = _page_body(kind, [row[name] for row in rows])
            body = gzip.compress(raw, compresslevel=5, mtime=0)
            header = _page_header(len(rows), len(raw), len(body))
            chunks.append(self._chunk(name, kind, len(rows), len(header) + len(raw), len(header) + len(body)))
            parts.append(self._placed(header + body))
            size += len(header) + len(raw)
        self._rows += len(rows)
        self._groups.append({1: chunks, 2: I64(size), 3: I64(len(rows))})
        return b"".join(parts)

    def foot(self) -> bytes:
        """The last bytes: what is where."""
        root: Value = {4: "schema", 5: len(self._columns)}
        leaves: list[Value] = [_leaf(name, kind) for name, kind in self._columns.items()]
        metadata = encode({1: 1, 2: [root, *leaves], 3: I64(self._rows), 4: self._groups, 6: "cloche"})
        return metadata + struct.pack("<I", len(metadata)) + _MAGIC

    def _chunk(self, name: str, kind: Kind, count: int, plain: int, packed: int) -> Value:
        described: Value = {
            1: _PHYSICAL[kind],
            2: [_PLAIN, _RLE],
            3: [name],
            4: _GZIP,
            5: I64(count),
            6: I64(plain),
            7: I64(packed),
            9: I64(self._offset),
        }
        return {2: I64(self._offset), 3: described}

    def _placed(self, data: bytes) -> bytes:
        self._offset += len(data)
        return data


def _leaf(name: str, kind: Kind) -> Value:
    leaf: dict[int, Value] = {1: _PHYSICAL[kind], 3: _OPTIONAL, 4: name}
    return leaf | {6: _UTF8} if kind == "text" else leaf


def _page_header(count: int, plain: int, packed: int) -> bytes:
    page: Value = {1: count, 2: _PLAIN, 3: _RLE, 4: _RLE}
    return encode({1: _DATA_PAGE, 2: plain, 3: packed, 5: page})


def _page_body(kind: Kind, values: Sequence[Any]) -> bytes:
    """Which values there are, one bit each, and those."""
    groups = (len(values) + 7) // 8
    levels = varint(groups << 1 | 1) + _bits([value is not None for value in values])
    return struct.pack("<I", len(levels)) + levels + _plain(kind, [value for value in values if value is not None])


def _plain(kind: Kind, values: Sequence[Any]) -> bytes:
    if kind == "bool":
        return _bits(values)
    if kind == "text":
        encoded = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(raw)) + raw for raw in encoded)
    return struct.pack(f"<{len(values)}{_PACKED[kind]}", *values)


def _bits(flags: Sequence[bool]) -> bytes:
    """Eight a byte, the first in the lowest bit."""
    out = bytearray((len(flags) + 7) // 8)
    for place, flag in enumerate(flags):
        out[place >> 3] |= flag << (place & 7)
    return bytes(out)
