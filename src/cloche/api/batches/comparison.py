"""Two batches beside each other, and the repeats of one beside each other."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from cloche.api.batches import views
from cloche.api.batches.mcnemar import mcnemar
from cloche.api.batches.store import BatchStore
from cloche.contracts.batches import Comparison, Flakiness, Flip, McNemar, PassAtK, RepeatedSample
from cloche.contracts.tallies import UNGRADABLE
from cloche.kit.postgres import Pool, Row, load_sql

_SQL: Final = {name: load_sql("cloche.api.batches", name) for name in ("compare", "flakiness", "flaky", "flips")}
#: A problem's number and a sample; what follows a place is behind it.
Pair = tuple[int, int]
FIRST: Final[Pair] = (-1, -1)


class Comparisons:
    """Reads what is stored now; of batches that still run, what is finished."""

    def __init__(self, pool: Pool, store: BatchStore) -> None:
        self._pool = pool
        self._store = store

    async def compare(self, a: UUID, b: UUID, tenant: str, after: Pair, limit: int) -> Comparison:
        """Both batches, with a page of what flipped.

        Raises:
            NotFoundError: one is not there, or another tenant's.
        """
        rows = [await self._store.find(one, tenant) for one in (a, b)]
        ungradable = sorted(UNGRADABLE)
        counted = await self._pool.fetchrow(_SQL["compare"], a, b, ungradable)
        assert counted is not None  # an aggregate without GROUP BY always has one row
        counts: Mapping[str, int] = {name: counted[name] for name in _COUNTS}
        flips = await self._pool.fetch(_SQL["flips"], a, b, ungradable, *after, limit + 1)
        test = mcnemar(counts["only_a_passed"], counts["only_b_passed"])
        first, second = [await self._pass_at_k(row) for row in rows]
        return Comparison(
            a=a,
            b=b,
            **counts,
            mcnemar=McNemar(method=test.method, p=test.p),
            pass_at_k_a=first,
            pass_at_k_b=second,
            flips=[_flip(row) for row in flips[:limit]],
            next=_next(flips, limit, "number"),
        )

    async def flakiness(self, batch_id: UUID, tenant: str, after: Pair, limit: int, *, disagreeing: bool) -> Flakiness:
        """How repeats of one sample differ, with a page of samples. Raises as ``compare``."""
        await self._store.find(batch_id, tenant)
        ungradable = sorted(UNGRADABLE)
        whole = await self._pool.fetchrow(_SQL["flakiness"], batch_id, ungradable)
        assert whole is not None  # as above
        rows = await self._pool.fetch(_SQL["flaky"], batch_id, *after, ungradable, disagreeing, limit + 1)
        return Flakiness(
            samples=whole["samples"],
            disagreeing=whole["disagreeing"],
            spread=whole["spread"],
            items=[_repeated(row) for row in rows[:limit]],
            next=_next(rows, limit, "problem_number"),
        )

    async def _pass_at_k(self, row: Row) -> list[PassAtK]:
        return views.batch(row, {}, await self._store.rates(row["id"])).pass_at_k


_COUNTS: Final = (
    "both_passed",
    "only_a_passed",
    "only_b_passed",
    "neither_passed",
    "ungradable",
    "changed",
    "only_in_a",
    "only_in_b",
)


def _flip(row: Row) -> Flip:
    return Flip(
        problem=row["key"],
        problem_number=row["number"],
        sample=row["sample"],
        a=row["a_id"],
        a_verdict=row["a_verdict"],
        b=row["b_id"],
        b_verdict=row["b_verdict"],
    )


def _repeated(row: Row) -> RepeatedSample:
    return RepeatedSample(
        problem=row["key"],
        problem_number=row["problem_number"],
        sample=row["sample"],
        verdicts=row["verdicts"],
        disagree=len(set(row["verdicts"])) > 1,
        shortest_wall_time_ms=row["shortest"],
        longest_wall_time_ms=row["longest"],
        mean_wall_time_ms=row["mean"],
        deviation_wall_time_ms=row["deviation"],
    )


def _next(rows: list[Any], limit: int, number: str) -> str | None:
    return f"{rows[limit - 1][number]}.{rows[limit - 1]['sample']}" if len(rows) > limit else None
