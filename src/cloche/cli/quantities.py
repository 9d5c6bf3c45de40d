"""Durations, byte counts and verdicts for people, in the same words as the web page. No I/O."""

from typing import Final

from cloche.contracts.evaluation import EvaluationSummary
from cloche.contracts.words import Status, Verdict

#: A sign, a word and a colour for each state, so that none is told by its colour alone.
STATE_SIGNS: Final[dict[Verdict | Status, tuple[str, str]]] = {
    "queued": ("◌", "dim"),
    "running": ("◐", "cyan"),
    "finished": ("●", "default"),
    "accepted": ("✔", "green"),
    "wrong_answer": ("✘", "red"),
    "runtime_error": ("▲", "red"),
    "compile_error": ("</>", "red"),
    "time_limit_exceeded": ("◷", "yellow"),
    "memory_limit_exceeded": ("▣", "yellow"),
    "output_limit_exceeded": ("≡", "yellow"),
    "cancelled": ("⊘", "dim"),
    "internal_error": ("◆", "magenta"),
}


def state_of(run: EvaluationSummary) -> Verdict | Status:
    """Its verdict once there is one, else its status."""
    return run.verdict or run.status


def words(state: Verdict | Status) -> str:
    """``time limit exceeded``."""
    return state.replace("_", " ")


def duration(ms: float | None) -> str:
    """``0.82 ms``, ``12.3 ms``, ``1.50 s``, ``3 m 05 s``; a dash when it is not known."""
    if ms is None:
        return "-"
    if ms < 0.995:
        return f"{ms:.2f} ms"
    if ms < 99.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} m {seconds:02} s"


def byte_count(count: int | None) -> str:
    """``512 B``, ``9.1 MiB``, in powers of 1024; a dash when it is not known."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f}".removesuffix(".0") + f" {unit}"
    return f"{value / 1024:.1f} TiB"
