"""The language between the executor and the cell launcher, and its Python side.

Both directions carry frames: one type byte, the payload's length as an unsigned 32-bit
big-endian number, the payload. The launcher reads on stdin and writes on stdout; its stderr
is for a last word before it dies. A payload of fields is a run of ``key=value`` entries, each
ended by a NUL byte; keys may repeat and unknown keys are errors. Numbers are decimal.

To the launcher (payload at most ``MAX_TO_LAUNCHER`` bytes):

==== ======== ======================================================================================
byte name     payload
==== ======== ======================================================================================
H    HELLO    first frame. ``version``, ``deadline_ms`` (the lease, from now), ``work`` (directory),
              ``disk_bytes`` and ``inodes`` of the cell's own file system, ``network`` (``none``, ``loopback``)
F    FILE     ``path`` (relative to the work directory), ``mode`` (octal), an empty entry, the bytes
S    STEP     each ``arg`` and ``env`` (``NAME=value``), limits (``Step``), an empty entry, stdin
I    INPUT    more stdin of a ``live`` step, which began without any; nothing: its end
E    EXTEND   ``deadline_ms``: the lease now ends that long from now
K    KILL     nothing; ends the current step, which still reports DONE
==== ======== ======================================================================================

From the launcher (payload at most ``MAX_FROM_LAUNCHER`` bytes):

==== ======== ======================================================================================
R    READY    sent once at start, before HELLO. ``version``, ``features`` (words with commas between)
o    OUT      bytes of the program's stdout
e    ERR      bytes of its stderr
i    TAKEN    nothing; the program's pipe has taken all of the last INPUT, or nobody will
D    DONE     the step is over and none of its processes is left. Fields of ``Done``
X    FAULT    ``stage`` (``file``, ``step``, ``protocol``), ``errno``, ``detail``; see below
==== ======== ======================================================================================

Order: READY; HELLO; then FILE and STEP in any mix, one STEP at a time: the next only after
DONE. An INPUT comes when the one before was TAKEN; one that comes after its step's end is
ignored, and DONE may stand for its TAKEN. EXTEND and KILL come at any time after HELLO; a KILL
without a step is ignored. FAULT
``file`` and ``step`` leave the launcher usable (a file did not fit, a program could not be
prepared: the step reports no DONE); after FAULT ``protocol`` it exits. It also exits, and with
it everything in the cell, when its stdin ends or the lease ends between steps. A lease that
ends in a step ends the step (``killed`` = ``deadline``).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias, get_args

VERSION: Final = 3
#: Room for one file or one stdin of 64 MiB with its fields.
MAX_TO_LAUNCHER: Final = 66 * 1024 * 1024
MAX_FROM_LAUNCHER: Final = 64 * 1024

_HEADER: Final = struct.Struct(">cI")

FrameType: TypeAlias = Literal[b"R", b"o", b"e", b"i", b"D", b"X"]
KilledBy: TypeAlias = Literal["none", "wall", "cpu", "memory", "output", "deadline", "cancel"]

_FROM_LAUNCHER: Final = frozenset(get_args(FrameType))
_KILLED_BY: Final[dict[str, KilledBy]] = {name: name for name in get_args(KilledBy)}


class ProtocolError(Exception):
    """The launcher said something that is not in the protocol, or more than it may."""


@dataclass(frozen=True)
class Step:
    """One program to run. Times are milliseconds, sizes bytes.

    ``processes`` 0 sets no RLIMIT_NPROC (it counts per user, across cells, so an engine sets a
    pids cgroup instead). ``sample_memory`` asks the launcher to sum the tree's resident memory
    and to kill above ``memory_bytes``, for hosts where no memory cgroup can be had. The stdin of a
    ``live`` step stays open for what INPUT frames bring.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    stdin: bytes
    live: bool
    wall_ms: int
    cpu_ms: int
    memory_bytes: int
    sample_memory: bool
    output_bytes: int
    file_bytes: int
    open_files: int
    stack_bytes: int
    processes: int = 0


@dataclass(frozen=True)
class Done:
    """How a step ended, in the kernel's words.

    Exactly one of ``exit_code`` (0..255) and ``signal`` is not -1, unless ``exec_errno`` says
    that the program could not be started. ``wall_us`` leaves out the time spent waiting for a
    slow reader, ``cpu_us`` counts the whole tree. ``killed_after_us``
    counts from its start to our kill (-1: we did not). ``*_written`` is what the program wrote,
    ``*_kept`` how much of it was relayed. ``memory_peak`` is the cell's cgroup as seen from
    inside (-1: not visible), ``oom_kills`` its OOM kills in this step (-1: not visible),
    ``sampled_peak`` the largest sum of resident memory seen (0: not sampled), ``max_rss`` the
    largest process.
    """

    exit_code: int
    signal: int
    killed: KilledBy
    killed_after_us: int
    exec_errno: int
    wall_us: int
    cpu_us: int
    max_rss: int
    memory_peak: int
    oom_kills: int
    sampled_peak: int
    out_written: int
    out_kept: int
    err_written: int
    err_kept: int


@dataclass(frozen=True)
class Fault:
    """What the launcher could not do."""

    stage: str
    errno: int
    detail: str


def hello(*, deadline_ms: int, work: str, disk_bytes: int, inodes: int, network: str) -> bytes:
    """The first frame."""
    fields = _entries(
        version=VERSION, deadline_ms=deadline_ms, work=work, disk_bytes=disk_bytes, inodes=inodes, network=network
    )
    return _frame(b"H", fields)


def file(path: str, content: bytes, *, mode: int = 0o644) -> bytes:
    """Write one file below the work directory, making its parents.

    Raises:
        ValueError: a NUL in the path, or more than a frame holds.
    """
    return _frame(b"F", _entries(path=path, mode=f"{mode:o}") + b"\0" + content)


def step(what: Step) -> bytes:
    """Run one program.

    Raises:
        ValueError: a NUL in an argument or the environment, or more than a frame holds.
    """
    parts = [_entry("arg", a) for a in what.argv]
    parts += [_entry("env", f"{name}={value}") for name, value in what.env]
    limits = _entries(
        live=int(what.live),
        wall_ms=what.wall_ms,
        cpu_ms=what.cpu_ms,
        memory_bytes=what.memory_bytes,
        sample_memory=int(what.sample_memory),
        output_bytes=what.output_bytes,
        file_bytes=what.file_bytes,
        open_files=what.open_files,
        stack_bytes=what.stack_bytes,
        processes=what.processes,
    )
    return _frame(b"S", b"".join(parts) + limits + b"\0" + what.stdin)


def more_input(data: bytes) -> bytes:
    """More stdin of a live step; empty, its end.

    Raises:
        ValueError: more than a frame holds.
    """
    return _frame(b"I", data)


def extend(*, deadline_ms: int) -> bytes:
    """Push the end of the lease to ``deadline_ms`` from now."""
    return _frame(b"E", _entries(deadline_ms=deadline_ms))


def kill() -> bytes:
    """End the current step."""
    return _frame(b"K", b"")


class FrameReader:
    """Splits what the launcher writes into frames, holding at most one frame's bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (type, payload) of every frame that ``data`` completes.

        Raises:
            ProtocolError: an unknown type, or a payload over ``MAX_FROM_LAUNCHER``.
        """
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer, at)
            if kind not in _FROM_LAUNCHER:
                raise ProtocolError("a frame of unknown type")
            if length > MAX_FROM_LAUNCHER:
                raise ProtocolError("a frame that is too long")
            end = at + _HEADER.size + length
            if len(self._buffer) < end:
                break
            yield kind, bytes(self._buffer[at + _HEADER.size : end])
            at = end
        del self._buffer[:at]


def parse_done(payload: bytes) -> Done:
    """The fields of a DONE frame.

    Raises:
        ProtocolError: a field is missing, unknown, or not what it should be.
    """
    got = _parsed(payload)
    killed = _KILLED_BY.get(got.pop("killed", ""))
    if killed is None:
        raise ProtocolError("DONE without a cause")
    expected = {f.name for f in fields(Done)} - {"killed"}
    if set(got) != expected:
        raise ProtocolError("DONE with other fields")
    try:
        return Done(killed=killed, **{name: int(value) for name, value in got.items()})
    except ValueError:
        raise ProtocolError("DONE with a field that is no number") from None


def parse_ready(payload: bytes) -> tuple[str, ...]:
    """What holds programs in this cell, as the launcher found it; checks that it speaks this version.

    Raises:
        ProtocolError: it does not.
    """
    got = _parsed(payload)
    if got.get("version") != str(VERSION):
        raise ProtocolError("the launcher speaks another version")
    return tuple(word for word in got.get("features", "").split(",") if word)


def parse_fault(payload: bytes) -> Fault:
    """The fields of a FAULT frame.

    Raises:
        ProtocolError: a field is missing or not what it should be.
    """
    got = _parsed(payload)
    try:
        return Fault(stage=got["stage"], errno=int(got["errno"]), detail=got["detail"])
    except (KeyError, ValueError):
        raise ProtocolError("FAULT that can't be read") from None


def _frame(kind: bytes, payload: bytes) -> bytes:
    if len(payload) > MAX_TO_LAUNCHER:
        raise ValueError("more than a frame holds")
    return _HEADER.pack(kind, len(payload)) + payload


def _entry(key: str, value: str | int) -> bytes:
    encoded = str(value).encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError(f"a NUL byte in {key}")
    return key.encode() + b"=" + encoded + b"\0"


def _entries(**values: str | int) -> bytes:
    return b"".join(_entry(key, value) for key, value in values.items())


def _parsed(payload: bytes) -> dict[str, str]:
    result: dict[str, str] = {}
    for entry in payload.split(b"\0"):
        if not entry:
            continue
        key, _, value = entry.decode("utf-8", "replace").partition("=")
        if key in result:
            raise ProtocolError("a field twice")
        result[key] = value
    return result
