"""Runtimes as data: one TOML file each, read and checked in full.

Placeholders in ``run``, ``compile`` and the values of ``env``: ``{tool}`` (the interpreter or
compiler in the cell) and ``{tool_dir}`` (its directory), ``{entrypoint}`` and, without its
suffix, ``{entrypoint_stem}`` and ``{main_class}`` (with dots), ``{binary}`` (where the compiler
puts its result), ``{sources}`` (the entrypoint and every other file of its kind, as arguments),
``{memory_mib}``, ``{heap_mib}`` (three quarters of it), ``{stack_kib}``, and what ``ask`` names.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloche.contracts.limits import Limits

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_Argv = Annotated[tuple[str, ...], Field(min_length=1)]

#: In a checkout the files lie at the repository's root; in a wheel beside this module.
_PLACES = (Path(__file__).parent / "runtimes", Path(__file__).parents[3] / "runtimes")


class RuntimeFileError(Exception):
    """A runtime's file can't be used."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SelfTest(_Part):
    """A program that must print exactly ``expected`` before the runtime is announced.

    It imports what programs need, so that a half-installed toolchain is not announced.
    """

    source: str
    expected: str
    limits: Limits = Limits(wall_time_s=20, cpu_time_s=20)


class HostTool(_Part):
    """How the local engine finds every version of the toolchain, the preferred first.

    ``commands`` are names or patterns of names on PATH, or, beginning with ``/`` or ``~``,
    patterns of paths; ``{executor}`` is our own interpreter. ``ask`` (with ``{tool}``) makes a
    candidate name its real executable on the first line and paths it needs on the following
    ones, which sees through version managers' shims; a line ``name=/path`` gives a placeholder.
    ``tool``, where given, is run instead of the executable that it names. ``hidden`` are
    patterns below those paths that cells see empty, ``readonly`` patterns of further host paths
    that cells see, ``placed`` host directories that they see elsewhere. ``package`` is what
    brings the first of the commands on Debian.
    """

    commands: _Argv
    ask: tuple[str, ...] = ()
    tool: str | None = None
    hidden: tuple[str, ...] = ()
    readonly: tuple[str, ...] = ()
    placed: dict[str, str] = Field(default_factory=dict[str, str])
    package: str = ""


class ImageTool(_Part):
    """How image-based engines provide it: the image's alias and the tool's path inside.

    ``values`` give the placeholders that the host's ``ask`` would.
    """

    alias: str
    tool: str
    values: dict[str, str] = Field(default_factory=dict[str, str])


class Runtime(_Part):
    """One language as it is run. ``version`` is not here: the toolchain itself is asked, in a cell.

    ``otherwise`` are other ways to run it, tried in order where this one can't be had.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+#.-]{0,31}$")]
    title: str
    aliases: tuple[str, ...] = ()
    source_file: str
    highlight: str
    version: _Argv
    version_pattern: str = r"(\d+(?:\.\d+)+)"
    run: _Argv
    compile: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict[str, str])
    host: HostTool
    image: ImageTool | None = None
    self_test: SelfTest
    otherwise: tuple["Runtime", ...] = ()

    @property
    def compiled(self) -> bool:
        """Whether a compile step comes before the first run."""
        return bool(self.compile)

    @property
    def ways(self) -> tuple["Runtime", ...]:
        """Itself and what it is otherwise, the preferred first."""
        return (self, *self.otherwise)


def filled(argv: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """``argv`` with placeholders replaced; each stays one argument whatever it holds."""
    return tuple(_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), part) for part in argv)


def load_runtimes(directory: Path | None = None, *, only: tuple[str, ...] = ()) -> list[Runtime]:
    """Every runtime in ``directory`` (default: Cloche's own), by name; ``only`` names those wanted.

    Raises:
        RuntimeFileError: a file is not valid, two claim one name, or a wanted one does not exist.
    """
    place = directory or next((p for p in _PLACES if p.is_dir()), _PLACES[0])
    found: list[Runtime] = []
    for path in sorted(place.glob("*.toml")):
        table = read_table(path)
        others: list[dict[str, Any]] = table.pop("otherwise", [])
        runtime = checked({**table, "otherwise": [merged(table, other) for other in others]}, path)
        refuse_taken(runtime, found, path)
        found.append(runtime)
    missing = sorted(set(only) - {r.name for r in found})
    if missing:
        raise RuntimeFileError(f"no such runtime: {', '.join(missing)}")
    return [r for r in found if not only or r.name in only]


def read_table(path: Path) -> dict[str, Any]:
    """The file as TOML.

    Raises:
        RuntimeFileError: it is none, or can't be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuntimeFileError(f"{path.name}: {error}") from error


def checked(table: dict[str, Any], path: Path) -> Runtime:
    """The runtime that ``table``, read from ``path``, describes.

    Raises:
        RuntimeFileError: something is missing, unknown or of a wrong kind.
    """
    try:
        return Runtime.model_validate(table)
    except ValidationError as error:
        raise RuntimeFileError(f"{path.name}: {error}") from error


def merged(table: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``table`` with what ``over`` says instead: tables are merged, all else is replaced."""
    result = dict(table)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType]
    return result


def refuse_taken(runtime: Runtime, others: list[Runtime], path: Path) -> None:
    """Nothing when no other has one of its names.

    Raises:
        RuntimeFileError: one does.
    """
    taken = {name for other in others for name in (other.name, *other.aliases)}
    for name in (runtime.name, *runtime.aliases):
        if name in taken:
            raise RuntimeFileError(f"{path.name}: the name {name} is taken")
