"""Why a verdict is what it is, as one line of recorded facts. No I/O."""

from collections.abc import Iterator

from cloche.cli.quantities import duration
from cloche.contracts.record import Evidence


def evidence_line(evidence: Evidence | None) -> str:
    """``limit memory_bytes 268435456, measured 268431360, killed by kernel, after 1.00 s, 1 OOM kill``."""
    return "" if evidence is None else ", ".join(_facts(evidence))


def _facts(evidence: Evidence) -> Iterator[str]:
    if evidence.limit is None:
        yield evidence.source
    else:
        allowed = "" if evidence.limit_value is None else f" {_number(evidence.limit_value)}"
        yield f"limit {evidence.limit}{allowed}"
    if evidence.measured is not None:
        yield f"measured {_number(evidence.measured)}"
    if evidence.killed_by is not None:
        yield f"killed by {evidence.killed_by}"
    if evidence.killed_after_ms is not None:
        yield f"after {duration(evidence.killed_after_ms)}"
    if evidence.oom_kills:
        yield f"{evidence.oom_kills} OOM {'kill' if evidence.oom_kills == 1 else 'kills'}"
    if evidence.detail:
        yield evidence.detail


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else f"{value:.6g}"
