"""What a transaction's new verdicts add to the counts of their batches.

It is written by the transaction that stores the verdicts, and only for those that it stores for the first time: so
each evaluation counts once, however often its events come.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cloche.contracts.tallies import (
    MEASURE_CPU_MS,
    MEASURE_MEMORY_BYTES,
    MEASURE_VERDICT,
    MEASURE_WALL_MS,
    VERDICTS,
    bucket_of,
    is_gradable,
)
from cloche.kit.postgres import Connection, Row, load_sql
from cloche.storage.settle import Verdict

_COUNTS: Final = load_sql("cloche.storage", "tally_counts")
_PROBLEMS: Final = load_sql("cloche.storage", "tally_problems")


@dataclass(slots=True)
class ProblemDelta:
    """What is added to a problem of a batch."""

    finished: int = 0
    ungradable: int = 0
    n: int = 0
    c: int = 0
    wall_time_ms: float = 0.0


@dataclass(slots=True)
class Tally:
    """What is added, by (batch, measure, bucket) and by (batch, problem)."""

    counts: Counter[tuple[UUID, int, int]] = field(default_factory=Counter[tuple[UUID, int, int]])
    problems: dict[tuple[UUID, int], ProblemDelta] = field(default_factory=dict[tuple[UUID, int], ProblemDelta])


def count(verdicts: Iterable[Verdict], places: Mapping[UUID, Row]) -> Tally | None:
    """The tally of those ``verdicts`` that have a place (by evaluation) in a batch; None when none has."""
    tally = Tally()
    for verdict in verdicts:
        place = places.get(verdict.evaluation_id)
        if place is not None and place["batch_id"] is not None:
            _add(tally, verdict, place)
    return tally if tally.problems else None


def _add(tally: Tally, verdict: Verdict, place: Row) -> None:
    batch_id: UUID = place["batch_id"]
    word = verdict.record.verdict
    tally.counts[batch_id, MEASURE_VERDICT, VERDICTS.index(word)] += 1
    delta = tally.problems.setdefault((batch_id, place["problem_number"]), ProblemDelta())
    delta.finished += 1
    if not is_gradable(word):
        delta.ungradable += 1
        return
    if place["repeat"] == 0:
        delta.n += 1
        delta.c += word == "accepted"
    run = verdict.record.execution
    if run is not None:
        usage = run.usage
        delta.wall_time_ms += usage.wall_time_ms
        for measure, value in (
            (MEASURE_WALL_MS, usage.wall_time_ms),
            (MEASURE_CPU_MS, usage.cpu_time_ms),
            (MEASURE_MEMORY_BYTES, float(usage.peak_memory_bytes)),
        ):
            tally.counts[batch_id, measure, bucket_of(measure, value)] += 1


async def write_tally(session: Connection, tally: Tally) -> None:
    """Two statements, whatever the number of evaluations; every writer locks rows in the same order."""
    counts = sorted(tally.counts.items())
    await session.execute(
        _COUNTS,
        [batch_id for (batch_id, _, _), _ in counts],
        [measure for (_, measure, _), _ in counts],
        [bucket for (_, _, bucket), _ in counts],
        [number for _, number in counts],
    )
    problems = sorted(tally.problems.items(), key=lambda item: item[0])
    deltas = [delta for _, delta in problems]
    await session.execute(
        _PROBLEMS,
        [batch_id for (batch_id, _), _ in problems],
        [number for (_, number), _ in problems],
        [d.finished for d in deltas],
        [d.ungradable for d in deltas],
        [d.n for d in deltas],
        [d.c for d in deltas],
        [d.wall_time_ms for d in deltas],
    )
