"""What is expected of a hostile program, as the TOML file beside it says."""

import os
import tomllib
from pathlib import Path
from typing import Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloche.contracts.limits import Limits
from cloche.contracts.record import LimitName
from cloche.contracts.words import Isolation, Network, Verdict

PROGRAMS = Path(__file__).parent / "programs"

_MIB = 1024 * 1024
#: Short and small, so that the whole suite runs at once on a small machine; a program's own limits come on top.
_LIMITS = {
    "wall_time_s": 8.0,
    "cpu_time_s": 8.0,
    "memory_bytes": 96 * _MIB,
    "processes": 32,
    "disk_bytes": 8 * _MIB,
    "inodes": 512,
    "file_bytes": 16 * _MIB,
    "open_files": 64,
}
#: How much longer a program may take that is not to be stopped for its time: on an emulated processor everything does.
_PATIENCE = float(os.environ.get("CLOCHE_TEST_PATIENCE", "1"))
_RUNTIMES = {".py": "python", ".sh": "bash", ".c": "c", ".js": "javascript"}

#: What the launcher and the cell maker do in C; ``mutations`` switches each off by its name.
LauncherDefence: TypeAlias = Literal[
    "pidns",
    "netns",
    "empty-networks",
    "ipcns",
    "utsns",
    "cgroupns",
    "timens",
    "userns-map",
    "mount-view",
    "proc-mask",
    "dev",
    "scratch-size",
    "scratch-inodes",
    "nosuid",
    "readonly-root",
    "capabilities",
    "no-new-privs",
    "seccomp",
    "seccomp-sockets",
    "landlock",
    "dumpable",
    "close-fds",
    "environment",
    "limit-core",
    "limit-nofile",
    "limit-fsize",
    "limit-stack",
    "limit-memlock",
    "kill-tree",
    "own-session",
    "oom-adjust",
    "stdin-nonblocking",
]
#: What the executor decides in Python.
ExecutorDefence: TypeAlias = Literal[
    "cgroup-memory",
    "cgroup-pids",
    "outside-cpu",
    "wall",
    "cpu",
    "output",
    "oom-verdict",
    "exit-verdict",
    "uid-per-slot",
    "clean-up",
    "answers-kept",
]
Defence: TypeAlias = LauncherDefence | ExecutorDefence
LAUNCHER_DEFENCES: tuple[LauncherDefence, ...] = get_args(LauncherDefence)
EXECUTOR_DEFENCES: tuple[ExecutorDefence, ...] = get_args(ExecutorDefence)
DEFENCES: tuple[Defence, ...] = (*LAUNCHER_DEFENCES, *EXECUTOR_DEFENCES)


class Difference(BaseModel):
    """How a contained run of it ends in one tier instead, and why that is contained too. All of the outcome is new."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: str = Field(min_length=20)
    verdicts: list[Verdict] = Field(min_length=1)
    limit: LimitName | None = None
    stdout: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    args: list[str] = []


class Expectation(BaseModel):
    """One program that tries something, and how a contained run of it ends.

    ``verdicts`` are those that may come out; ``limit``, ``stdout``, ``exit_code`` and ``signal`` are exact where given.
    ``defence`` is what it would break without, ``process_defence`` what takes its place in the tier ``process``.
    ``cases`` runs it that often in one cell, ``times`` in one cell after another, ``together`` in so many cells at
    once whose output must differ. ``answer`` is what a case expects and the program can't know. ``afterwards``
    are host paths (globs) that must not exist. ``root_only``: holds where the executor is root;
    ``needs_cgroups``: where the kernel counts a cell's memory and CPU, which sampling can't do as well.
    ``differs`` names the tiers where another outcome is right; what is right in containers is right in gVisor's,
    unless that says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    source: str
    runtime: str
    defence: Defence
    process_defence: Defence | None = None
    why: str = Field(min_length=20)
    verdicts: list[Verdict] = Field(min_length=1)
    limit: LimitName | None = None
    stdout: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    tiers: list[Isolation] = ["namespace", "container"]
    root_only: bool = False
    needs_cgroups: bool = False
    limits: Limits
    network: Network = "none"
    args: list[str] = []
    stdin_bytes: int = 0
    cases: int = 0
    times: int = 1
    together: int = 1
    answer: str | None = None
    afterwards: list[str] = []
    differs: dict[Isolation, Difference] = {}

    @model_validator(mode="after")
    def _fails_somehow(self) -> Self:
        if "internal_error" in self.verdicts:
            raise ValueError("no program may earn internal_error")
        return self

    def applies(self, tier: Isolation) -> bool:
        """Whether it is to be tried in ``tier``: a container of gVisor's is a container."""
        return ("container" if tier == "gvisor" else tier) in self.tiers

    def within(self, tier: Isolation) -> Self:
        """What is expected in ``tier``."""
        other = self.differs.get(tier) or (self.differs.get("container") if tier == "gvisor" else None)
        return self if other is None else self.model_copy(update=dict(other))

    def names(self, defence: Defence, tier: Isolation) -> bool:
        """Whether it would break in ``tier`` without ``defence``."""
        own = (self.process_defence if tier == "process" else None) or self.defence
        return tier in self.tiers and own == defence


def load(path: Path) -> Expectation:
    """The expectation in ``path``, whose program lies beside it or is named by ``program``.

    Raises:
        ValidationError: a word that is not known.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    named = values.pop("program", None)
    found = path.parent / named if named else next(p for p in path.parent.glob(f"{path.stem}.*") if p.suffix != ".toml")
    limits = Limits(**(_LIMITS | values.pop("limits", {})))
    if "time_limit_exceeded" not in values["verdicts"]:
        limits = limits.model_copy(update={"wall_time_s": limits.wall_time_s * _PATIENCE})
    source = found.read_text(encoding="utf-8")
    return Expectation(name=path.stem, source=source, runtime=_RUNTIMES[found.suffix], limits=limits, **values)


def load_all() -> list[Expectation]:
    """Every expectation, by name."""
    return [load(path) for path in sorted(PROGRAMS.glob("*.toml"))]
