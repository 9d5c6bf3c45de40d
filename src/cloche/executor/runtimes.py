"""Runtimes as data: one TOML file each, read once at start and checked in full.

Placeholders in ``run`` and ``compile``: ``{tool}`` (the interpreter or compiler in the
cell), ``{entrypoint}``, ``{binary}`` (where the compiler puts its result), ``{memory_mib}``.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated

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
    """How the local engine finds the toolchain.

    The first of ``commands`` on PATH is taken. ``ask`` (with ``{tool}``) makes it name its
    real executable on the first line and directories it needs on the following ones, which
    sees through version managers' shims. ``hidden`` are globs below those directories that
    cells see empty. ``readonly`` are further host paths that cells see, if they exist.
    """

    commands: _Argv
    ask: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    readonly: tuple[str, ...] = ()


class ImageTool(_Part):
    """How image-based engines provide it: the image's alias and the tool's path inside."""

    alias: str
    tool: str


class Runtime(_Part):
    """One language as it is run. ``version`` is not here: the toolchain itself is asked, in a cell."""

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

    @property
    def compiled(self) -> bool:
        """Whether a compile step comes before the first run."""
        return bool(self.compile)


def filled(argv: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """``argv`` with placeholders replaced; each stays one argument whatever it holds."""
    return tuple(_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), part) for part in argv)


def load_runtimes(directory: Path | None = None, *, only: tuple[str, ...] = ()) -> list[Runtime]:
    """Every runtime in ``directory`` (default: Cloche's own), by name; ``only`` names those wanted.

    Raises:
        RuntimeFileError: a file is not valid, two claim one name, or a wanted one does not exist.
    """
    place = directory or next((p for p in _PLACES if p.is_dir()), _PLACES[0])
    found: dict[str, Runtime] = {}
    for path in sorted(place.glob("*.toml")):
        try:
            runtime = Runtime.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (ValidationError, tomllib.TOMLDecodeError) as error:
            raise RuntimeFileError(f"{path.name}: {error}") from error
        for name in (runtime.name, *runtime.aliases):
            if any(name in (r.name, *r.aliases) for r in found.values()):
                raise RuntimeFileError(f"{path.name}: the name {name} is taken")
        found[runtime.name] = runtime
    missing = sorted(set(only) - set(found))
    if missing:
        raise RuntimeFileError(f"no such runtime: {', '.join(missing)}")
    return [r for r in found.values() if not only or r.name in only]
