"""How a step ended, in the few kinds that peers tell apart. From evidence, never from output. Pure."""

import signal
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cloche.contracts.evaluation import CaseView, CompileView, Evaluation
from cloche.contracts.record import Evidence
from cloche.contracts.words import Verdict

#: ``platform`` is Cloche's fault or a cancel: it says nothing about the program.
Kind: TypeAlias = Literal["exit", "signal", "time", "memory", "output", "unstartable", "platform"]


#: How long a run that somebody waits for may be queued; who waits can leave before.
QUEUE_TIMEOUT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Ran:
    """An evaluation, and all bytes of its output that are stored."""

    evaluation: Evaluation
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """One step's end. ``exit_code`` and ``signal`` are what wait(2) said, and both None where it said nothing."""

    kind: Kind
    exit_code: int | None
    signal: int | None

    @property
    def passed(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.kind == "exit" and self.exit_code == 0

    @property
    def signal_name(self) -> str | None:
        """``SIGKILL`` and its like."""
        return None if self.signal is None else name_of(self.signal)


def name_of(number: int) -> str:
    """A signal's name; those without one by their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def ending_of(ran: Evaluation | CaseView) -> Ending:
    """Of a finished evaluation that compiled, or of one case that ran."""
    return _ending(ran.verdict, ran.evidence, ran.exit_code, ran.signal)


def compiler_ending(compiled: CompileView, evaluation: Evaluation) -> Ending:
    """Of the compile step. Which limit stopped it is in the evaluation's evidence."""
    if evaluation.verdict != "compile_error":
        return Ending("exit", compiled.exit_code, compiled.signal)
    return _ending("runtime_error", evaluation.evidence, compiled.exit_code, compiled.signal)


def _ending(verdict: Verdict | None, evidence: Evidence | None, exit_code: int | None, signal_: int | None) -> Ending:
    limit = evidence.limit if evidence is not None else None
    kind: Kind = "exit" if exit_code is not None else "unstartable"
    if verdict is None or verdict in {"internal_error", "cancelled"}:
        kind = "platform"
    elif limit in {"wall_time_s", "cpu_time_s", "total_time_s"}:
        kind = "time"
    elif limit == "memory_bytes" or verdict == "memory_limit_exceeded":
        kind = "memory"
    elif limit == "output_bytes" or verdict == "output_limit_exceeded":
        kind = "output"
    elif signal_ is not None:
        kind = "signal"
    return Ending(kind, exit_code, signal_)
