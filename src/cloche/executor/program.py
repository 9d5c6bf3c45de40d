"""A submitted program made ready for a cell: its files in bytes, its command lines, its environment. Pure."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from pathlib import PurePosixPath

from cloche.contracts.limits import Limits
from cloche.contracts.submission import File, Program
from cloche.executor.cell import Command
from cloche.executor.engines.engine import Toolchain
from cloche.executor.launcher.protocol import MAX_TO_LAUNCHER
from cloche.executor.runtimes import Runtime, filled
from cloche.kit.errors import InvalidRequestError

_PATH = "/usr/local/bin:/usr/bin:/bin"
#: A frame's fields beside the file or the stdin it carries.
_MAX_BYTES = MAX_TO_LAUNCHER - 2 * 1024 * 1024
_MIB = 1024 * 1024
#: Virtual machines refuse to start with less for a thread.
_SMALLEST_STACK_KIB = 512


@dataclass(frozen=True)
class Prepared:
    """What goes into the cell. ``compile`` is None where nothing is compiled."""

    files: list[tuple[str, bytes]]
    compile: Command | None
    runs: list[Command]


def prepare(program: Program, runtime: Runtime, toolchain: Toolchain) -> Prepared:
    """One run for each case, or one without cases.

    Raises:
        InvalidRequestError: a file is not base64, a NUL where the kernel allows none, or too large.
    """
    files = [(_checked(f.path), _content(f)) for f in program.files]
    values = _values(program, program.limits, toolchain)
    env = _env(program, runtime, values)
    run = filled(runtime.run, values)
    compiler = _compiler(program, runtime, toolchain) if runtime.compile else None
    stdins = [(c.stdin, c.args or program.args) for c in program.cases] or [(program.stdin, program.args)]
    runs = [
        Command((*run, *(_checked(a) for a in args)), env, _bounded(stdin.encode(), "stdin")) for stdin, args in stdins
    ]
    return Prepared(files, compiler, runs)


def _compiler(program: Program, runtime: Runtime, toolchain: Toolchain) -> Command:
    values = _values(program, program.compile_limits, toolchain)
    return Command(_with_sources(runtime.compile, values, program), _env(program, runtime, values))


def _values(program: Program, limits: Limits, toolchain: Toolchain) -> dict[str, str]:
    """What placeholders stand for in a step under ``limits``."""
    paths = {f.path for f in program.files}
    binary = "a.out"
    while binary in paths:
        binary = f"_{binary}"
    stem = str(PurePosixPath(program.entrypoint).with_suffix(""))
    return {
        "tool": toolchain.tool,
        "tool_dir": str(PurePosixPath(toolchain.tool).parent),
        "entrypoint": _operand(program.entrypoint),
        "entrypoint_stem": _operand(stem),
        "main_class": stem.replace("/", "."),
        "binary": binary,
        "memory_mib": str(limits.memory_bytes // _MIB),
        "heap_mib": str(limits.memory_bytes * 3 // 4 // _MIB),
        "stack_kib": str(max(_SMALLEST_STACK_KIB, limits.stack_bytes // 1024)),
    } | dict(toolchain.values)


def _with_sources(argv: tuple[str, ...], values: dict[str, str], program: Program) -> tuple[str, ...]:
    """``{sources}`` becomes the entrypoint and every other file of its kind."""
    suffix = PurePosixPath(program.entrypoint).suffix
    others = [f.path for f in program.files if f.path != program.entrypoint and PurePosixPath(f.path).suffix == suffix]
    sources = tuple(_operand(path) for path in (program.entrypoint, *others))
    at = argv.index("{sources}") if "{sources}" in argv else len(argv)
    return (*filled(argv[:at], values), *(sources if at < len(argv) else ()), *filled(argv[at + 1 :], values))


def _env(program: Program, runtime: Runtime, filling: dict[str, str]) -> tuple[tuple[str, str], ...]:
    beside = filling["tool_dir"]
    path = _PATH if beside in _PATH.split(":") else f"{beside}:{_PATH}"
    values = {"PATH": path, "LANG": "C.UTF-8", "USER": "cloche"}
    values |= dict(zip(runtime.env, filled(tuple(runtime.env.values()), filling), strict=True)) | program.env
    return tuple((_checked(name), _checked(value)) for name, value in values.items())


def _operand(path: str) -> str:
    """A path that no tool takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def _content(file: File) -> bytes:
    if file.encoding == "utf-8":
        return _bounded(file.content.encode(), file.path)
    try:
        return _bounded(b64decode(file.content, validate=True), file.path)
    except binascii.Error:
        raise InvalidRequestError("A file's content is not base64.") from None


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > _MAX_BYTES:
        raise InvalidRequestError(f"{what[:100]} is larger than {_MAX_BYTES} bytes.")
    return data


def _checked(text: str) -> str:
    if "\0" in text:
        raise InvalidRequestError("A path, an argument or a variable holds a NUL byte.")
    return text
