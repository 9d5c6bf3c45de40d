"""A machine for the classic BPF that seccomp filters are written in.

Source: Linux, kernel/seccomp.c and net/core/filter.c.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

#: ``struct seccomp_data``: number, architecture, instruction pointer, six arguments; little-endian.
_DATA = struct.Struct("<IIQ6Q")
_RETURN, _LOAD, _AND = 0x06, 0x20, 0x54
_JUMPS = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: a & k != 0,
}
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


class Instruction(NamedTuple):
    """As the kernel takes it; the jumps count instructions to skip."""

    code: int
    if_true: int
    if_false: int
    k: int


class Call(NamedTuple):
    """One system call as a filter sees it; six arguments of 64 bits."""

    arch: int
    number: int
    args: tuple[int, ...]


@dataclass(frozen=True)
class Filter:
    """An assembled program."""

    instructions: tuple[Instruction, ...]

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """From lines of four numbers."""
        return cls(tuple(Instruction(*map(int, line.split())) for line in text.splitlines()))

    def answer(self, call: Call) -> int | None:
        """The error number that the call gets, 0 if it succeeds without effect; None if it is let through.

        Fails on anything that the kernel would not accept, and on answers other than these two.
        """
        data = _DATA.pack(call.number, call.arch, 0, *call.args)
        at = value = 0
        while True:
            code, if_true, if_false, k = self.instructions[at]
            at += 1
            if code == _LOAD:
                (value,) = struct.unpack_from("<I", data, k)
            elif code == _AND:
                value &= k
            elif code == _RETURN:
                break
            else:
                at += if_true if _JUMPS[code](value, k) else if_false
        if k == _ALLOW:
            return None
        assert k & 0xFFFF0000 == _ERRNO
        return k & 0xFFFF
