"""What a platform fault leads to: another attempt, or the end. Pure decisions.

The program's own failures never come here; they are verdicts in a record.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: Faults after the program had begun, until the evaluation is given up. DESIGN section 3.
MAX_STARTED_ATTEMPTS: Final = 3
#: How often a run may take down its cell before that is its own doing. DESIGN section 3.
MAX_CELLS_LOST: Final = 2

CELL_LOST: Final = "cell_lost"
GRADER_FAILED: Final = "grader_failed"
WORKER_LOST: Final = "worker_lost"
WORKER_LEAVING: Final = "worker_leaving"
QUEUE_TIMEOUT: Final = "queue_timeout"
#: What this service, workers and executors say. A report may bring another word, which then is no metric's label.
KNOWN_REASONS: Final = frozenset(
    {
        CELL_LOST,
        GRADER_FAILED,
        WORKER_LOST,
        WORKER_LEAVING,
        QUEUE_TIMEOUT,
        "deadline",
        "engine_error",
        "executor_lost",
        "executor_misbehaved",
        "executor_unavailable",
        "overloaded",
        "unsupported",
        "worker_defect",
        "worker_stopping",
    }
)

_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class History:
    """What a task has been through before the fault: its current attempt, and faults that count."""

    attempt: int
    started_attempts: int
    cells_lost: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong. ``started``: the program had begun, or nobody can say that it had not."""

    reason: str
    started: bool
    message: str = ""

    @property
    def counts_as_cell_lost(self) -> bool:
        """Whether the run itself may have done it: no program can before it begins."""
        return self.started and self.reason == CELL_LOST


@dataclass(frozen=True, slots=True)
class Requeue:
    """Another attempt, not before ``delay``."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No other attempt: the platform could not do it (a dead letter)."""


@dataclass(frozen=True, slots=True)
class BlameProgram:
    """No other attempt: the run took down its cell twice, which is a ``runtime_error``."""


def after_fault(history: History, fault: Fault, spread: float) -> Requeue | GiveUp | BlameProgram:
    """Decide. ``spread`` in [0, 1) is the chance that keeps retries of many tasks apart.

    Faults before the start are not counted: what bounds those is the task's queue timeout.
    """
    if fault.counts_as_cell_lost and history.cells_lost + 1 >= MAX_CELLS_LOST:
        return BlameProgram()
    if fault.reason == GRADER_FAILED:
        return GiveUp()  # a problem's tests or checker, which another attempt would only run again
    if fault.started and history.started_attempts + 1 >= MAX_STARTED_ATTEMPTS:
        return GiveUp()
    return Requeue(backoff(history.attempt, spread))


def backoff(attempt: int, spread: float) -> timedelta:
    """The wait after attempt ``attempt`` (from 1): doubling from 0.5 s up to 30 s, times 0.5 to 1.5."""
    full = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(max(attempt - 1, 0), 16))
    return timedelta(seconds=full * (0.5 + spread))
