"""From stored batches to the public JSON. No I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from cloche.api.batches.estimate import estimate
from cloche.contracts.batches import (
    Batch,
    BatchStatus,
    BatchSummary,
    Distribution,
    PassAtK,
    ProblemTally,
    SampleSummary,
    StoredProblem,
)
from cloche.contracts.tallies import (
    MEASURE_CPU_MS,
    MEASURE_MEMORY_BYTES,
    MEASURE_VERDICT,
    MEASURE_WALL_MS,
    UNGRADABLE,
    VERDICTS,
    is_gradable,
    upper_bound,
)
from cloche.contracts.words import Verdict
from cloche.kit.clock import iso
from cloche.kit.postgres import Row

#: By measure and bucket.
Counts = Mapping[int, Mapping[int, int]]
_QUANTILES: Final = (0.5, 0.9, 0.99)


def problem(row: Row) -> StoredProblem:
    """A stored problem."""
    body: dict[str, Any] = orjson.loads(row["body"])
    return StoredProblem(
        id=row["id"].hex(),
        key=body["key"],
        cases=row["cases"],
        created_at=iso(row["created_at"]),
        body=body,
    )


def summary(row: Row, counts: Counts) -> BatchSummary:
    """One row of a list."""
    return BatchSummary(**_summary_fields(row, counts))


def batch(row: Row, counts: Counts, rates: Sequence[Row]) -> Batch:
    """Everything of one batch."""
    fields = _summary_fields(row, counts)
    by_rate = {(rate["n"], rate["c"]): rate["problems"] for rate in rates}
    estimates = {k: estimate(by_rate, k) for k in row["k"]}
    return Batch(
        **fields,
        refused=row["refused"] or None,
        waiting=row["total"] - fields["finished"],
        problems=sum(by_rate.values()),
        solved=sum(count for (_, c), count in by_rate.items() if c),
        forgeable=any(rate["forgeable"] for rate in rates),
        pass_at_k=[
            PassAtK(k=k, value=e.value, low=e.low, high=e.high, problems=e.problems, left_out=e.left_out)
            for k, e in estimates.items()
        ],
        wall_time_ms=_distribution(MEASURE_WALL_MS, counts),
        cpu_time_ms=_distribution(MEASURE_CPU_MS, counts),
        peak_memory_bytes=_distribution(MEASURE_MEMORY_BYTES, counts),
        bad_lines=orjson.loads(row["bad_lines"]),
        bad_line_count=row["bad_line_count"],
    )


def status_of(row: Row, finished: int) -> BatchStatus:
    """What a batch is doing, or how it ended."""
    if row["refused"]:
        return "refused"
    ended = finished >= row["total"]
    if row["cancelled_at"] is not None:
        return "cancelled" if ended else "cancelling"
    if row["received_at"] is not None and ended:
        return "complete"
    if row["paused"]:
        return "paused"
    return "running" if row["received_at"] is not None else "receiving"


def finished_of(counts: Counts) -> int:
    """How many evaluations have a verdict."""
    return sum(counts.get(MEASURE_VERDICT, {}).values())


def verdicts_of(counts: Counts) -> dict[Verdict, int]:
    """How many have which."""
    return {VERDICTS[bucket]: count for bucket, count in counts.get(MEASURE_VERDICT, {}).items()}


def problem_tally(row: Row) -> ProblemTally:
    """A problem in a batch."""
    gradable = row["finished"] - row["ungradable"]
    return ProblemTally(
        number=row["number"],
        key=row["key"],
        id=row["problem_id"].hex(),
        forgeable=row["forgeable"],
        n=row["n"],
        c=row["c"],
        rate=row["c"] / row["n"] if row["n"] else None,
        finished=row["finished"],
        ungradable=row["ungradable"],
        mean_wall_time_ms=row["wall_time_ms"] / gradable if gradable else None,
    )


def sample(row: Row) -> SampleSummary:
    """An evaluation of a batch."""
    return SampleSummary(
        id=row["id"],
        problem=row["problem_key"],
        problem_number=row["problem_number"],
        sample=row["sample"],
        repeat=row["repeat"],
        status=row["status"],
        verdict=row["verdict"],
        gradable=is_gradable(row["verdict"]) if row["verdict"] else None,
        message=row["message"],
        wall_time_ms=row["wall_time_ms"],
        cpu_time_ms=row["cpu_time_ms"],
        peak_memory_bytes=row["peak_memory_bytes"],
        rerun_of=row["rerun_of"],
    )


def _summary_fields(row: Row, counts: Counts) -> dict[str, Any]:
    verdicts = verdicts_of(counts)
    finished = sum(verdicts.values())
    return {
        "id": row["id"],
        "name": row["name"],
        "labels": orjson.loads(row["labels"]),
        "lane": row["lane"],
        "status": status_of(row, finished),
        "total": row["total"],
        "finished": finished,
        "ungradable": sum(count for verdict, count in verdicts.items() if verdict in UNGRADABLE),
        "verdicts": verdicts,
        "repeat": row["repeat"],
        "rerun_of": row["rerun_of"],
        "created_at": iso(row["created_at"]),
        "received_at": _time(row["received_at"]),
        "finished_at": _time(row["finished_at"]),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _distribution(measure: int, counts: Counts) -> Distribution:
    buckets = [(upper_bound(measure, bucket), count) for bucket, count in sorted(counts.get(measure, {}).items())]
    total = sum(count for _, count in buckets)
    p50, p90, p99 = (_quantile(buckets, total, share) for share in _QUANTILES)
    largest = buckets[-1][0] if buckets else None
    return Distribution(count=total, p50=p50, p90=p90, p99=p99, largest=largest, buckets=buckets)


def _quantile(buckets: Sequence[tuple[float, int]], total: int, share: float) -> float | None:
    reached = 0
    for bound, count in buckets:
        reached += count
        if reached >= share * total:
            return bound
    return None
