"""The words every part shares: ids, verdicts, states, isolation levels, streams."""

from typing import Final, Literal, NewType, TypeAlias
from uuid import UUID

EvaluationId = NewType("EvaluationId", UUID)
LeaseId = NewType("LeaseId", UUID)

Status: TypeAlias = Literal["queued", "running", "finished"]

Verdict: TypeAlias = Literal[
    "accepted",
    "wrong_answer",
    "runtime_error",
    "compile_error",
    "time_limit_exceeded",
    "memory_limit_exceeded",
    "output_limit_exceeded",
    "cancelled",
    "internal_error",
]

Isolation: TypeAlias = Literal["process", "namespace", "container", "gvisor", "vm"]

#: From weakest to strongest; an evaluation's ``isolation`` is the least it accepts.
ISOLATION_ORDER: Final[tuple[Isolation, ...]] = (
    "process",
    "namespace",
    "container",
    "gvisor",
    "vm",
)

#: What an evaluation demands that names no isolation, unless the API's settings allow less.
DEFAULT_ISOLATION: Final[Isolation] = "namespace"

#: The lanes there are unless the Queue Service is set up otherwise, and their urgency: smaller is served first.
USUAL_LANES: Final = {"interactive": 0, "batch": 10}
USUAL_LANE: Final = "interactive"

#: ``loopback`` is the cell's own: servers and clients inside one program, nothing beyond.
Network: TypeAlias = Literal["none", "loopback"]

Stream: TypeAlias = Literal["stdout", "stderr"]
STREAMS: Final[tuple[Stream, ...]] = ("stdout", "stderr")

Start: TypeAlias = Literal["any", "fresh"]
Scope: TypeAlias = Literal["submit", "read", "operate", "admin"]
EngineName: TypeAlias = Literal["local", "docker", "kubernetes"]


def satisfies(offered: Isolation, wanted: Isolation) -> bool:
    """Whether a cell of ``offered`` isolation may run what demands at least ``wanted``."""
    return ISOLATION_ORDER.index(offered) >= ISOLATION_ORDER.index(wanted)


def isolation_note(isolation: Isolation | None) -> str | None:
    """What people must be told of a run under ``isolation``; None when there is nothing to tell."""
    if isolation is None or satisfies(isolation, DEFAULT_ISOLATION):
        return None
    return f"{isolation}: weaker than a {DEFAULT_ISOLATION} cell"
