"""Each evaluation of a batch counts once, whoever stores it and however often its events come."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cloche.contracts.record import Evidence, ExecutionRecord, TerminalRecord, Usage
from cloche.contracts.tallies import MEASURE_VERDICT, VERDICTS, bucket_of
from cloche.contracts.words import Verdict
from cloche.kit.clock import now
from cloche.kit.ids import uuid7, uuid7_floor
from cloche.kit.postgres import Pool, open_pool
from cloche.storage.fold import Changes, Terminal
from cloche.storage.record_store import RecordStore

AT = "2026-01-01T00:00:00.000000Z"
ID = b"\x02" * 32


@dataclass
class Scene:
    """A batch of ``problems`` problems with ``samples`` samples each, nothing finished."""

    owner: asyncpg.Connection
    pool: Pool
    batch_id: UUID
    ids: dict[tuple[int, int], UUID]

    async def problems(self) -> dict[int, tuple[int, int, int, int]]:
        rows = await self.owner.fetch("SELECT * FROM batch_problem WHERE batch_id = $1", self.batch_id)
        return {row["number"]: (row["finished"], row["ungradable"], row["n"], row["c"]) for row in rows}

    async def counts(self) -> dict[tuple[int, int], int]:
        rows = await self.owner.fetch(
            "SELECT measure, bucket, sum(count)::int AS count FROM batch_count WHERE batch_id = $1 GROUP BY 1, 2",
            self.batch_id,
        )
        return {(row["measure"], row["bucket"]): row["count"] for row in rows}


async def make_scene(database: Any, problems: int, samples: int, repeats: int = 1) -> Scene:
    owner = await asyncpg.connect(database.owner)
    batch_id = uuid7_floor(now())
    await owner.execute("INSERT INTO problem (tenant, id, body, cases) VALUES ('t', $1, '', 0)", ID)
    await owner.execute("INSERT INTO frame (tenant, id, body) VALUES ('t', $1, '')", ID)
    await owner.execute("INSERT INTO batch (id, tenant, lane, k, head) VALUES ($1, 't', 'b', '{1}', '')", batch_id)
    await owner.execute(
        "INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes)"
        " SELECT $1, i, 'p' || i, 't', $2, $2, 0 FROM generate_series(0, $3 - 1) i",
        batch_id,
        ID,
        problems,
    )
    ids = {(p, s): uuid7() for p in range(problems) for s in range(samples * repeats)}
    await owner.executemany(
        "INSERT INTO evaluation (id, tenant, runtime, batch_id, problem_number, sample, repeat)"
        " VALUES ($1, 't', 'python', $2, $3, $4, $5)",
        [(one, batch_id, p, s // repeats, s % repeats) for (p, s), one in ids.items()],
    )
    pool = await open_pool(database.storage, service="test", size=8)
    return Scene(owner, pool, batch_id, ids)


@pytest.fixture
async def scene(new_database: Any) -> AsyncIterator[Scene]:
    made = await make_scene(new_database(), 5, 8)
    yield made
    await made.pool.close()
    await made.owner.close()


def terminal(one: UUID, verdict: Verdict, wall_time_ms: float = 20.0) -> Terminal:
    evidence = Evidence(source="exit")
    run = ExecutionRecord(
        verdict=verdict,
        evidence=evidence,
        runtime="python@3.11",
        engine="local",
        isolation="namespace",
        usage=Usage(wall_time_ms=wall_time_ms, cpu_time_ms=wall_time_ms / 2, peak_memory_bytes=1 << 20),
    )
    return Terminal(
        one, TerminalRecord(verdict=verdict, evidence=evidence, attempt=1, execution=run, finished_at=AT), 3
    )


def batch_of(terminals: list[Terminal]) -> Changes:
    return Changes(terminals={t.evaluation_id: t for t in terminals})


async def test_replayed_batch_of_events_counts_once(scene: Scene):
    store = RecordStore(scene.pool)
    verdicts: list[Verdict] = ["accepted", "wrong_answer", "internal_error", "cancelled"]
    first = [terminal(scene.ids[0, s], verdicts[s % 4]) for s in range(8)]
    for _ in range(3):
        await store.apply(batch_of(first), "e")
    await store.apply(batch_of([*first, terminal(scene.ids[1, 0], "accepted", 7.0)]), "e")
    problems, counts = await scene.problems(), await scene.counts()
    assert (problems[0], problems[1], problems[2]) == ((8, 4, 4, 2), (1, 0, 1, 1), (0, 0, 0, 0))
    assert {VERDICTS[b]: n for (m, b), n in counts.items() if m == MEASURE_VERDICT} == {
        "accepted": 3,
        "wrong_answer": 2,
        "internal_error": 2,
        "cancelled": 2,
    }
    assert {(m, b): n for (m, b), n in counts.items() if m == 1} == {
        (1, bucket_of(1, 20.0)): 4,
        (1, bucket_of(1, 7.0)): 1,
    }


async def test_what_is_rolled_back_is_not_counted(scene: Scene):
    async def fails(session: Any) -> None:
        async with session.transaction():
            await RecordStore(InOne(session)).apply(batch_of([terminal(scene.ids[0, 0], "accepted")]), "e")  # pyright: ignore[reportArgumentType]  (one session in the pool's place)
            raise ZeroDivisionError

    async with scene.pool.acquire() as session:
        with pytest.raises(ZeroDivisionError):
            await fails(session)
    assert await scene.counts() == {}
    assert set((await scene.problems()).values()) == {(0, 0, 0, 0)}


class InOne:
    """A pool of a single session."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def acquire(self) -> Any:
        return self

    async def __aenter__(self) -> Any:
        return self._session

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_repeats_count_for_the_histogram_and_the_first_for_the_rate(new_database: Any):
    made = await make_scene(new_database(), 1, 2, repeats=3)
    try:
        passed: dict[bool, Verdict] = {True: "accepted", False: "wrong_answer"}
        terminals = [terminal(one, passed[s in {0, 4}]) for (_, s), one in made.ids.items()]
        await RecordStore(made.pool).apply(batch_of(terminals), "e")
        assert await made.problems() == {0: (6, 0, 2, 1)}
        assert sum(n for (m, _), n in (await made.counts()).items() if m == MEASURE_VERDICT) == 6
    finally:
        await made.pool.close()
        await made.owner.close()


async def test_workers_that_store_the_same_at_once_count_each_once_and_never_lock_each_other_out(new_database: Any):
    made = await make_scene(new_database(), 40, 25)
    try:
        store, rng = RecordStore(made.pool), random.Random(7)
        verdicts: dict[UUID, Verdict] = {one: rng.choice(VERDICTS) for one in made.ids.values()}
        todo: list[UUID] = [one for one in verdicts for _ in range(2)]
        rng.shuffle(todo)
        parts = [todo[start : start + 25] for start in range(0, len(todo), 25)]

        async def work(mine: list[list[UUID]]) -> None:
            for part in mine:
                # In one order, as a shard's owner has them: two owners never hold the same evaluation.
                ordered = sorted(set(part))
                await store.apply(batch_of([terminal(one, verdicts[one]) for one in ordered]), "e")

        async with asyncio.timeout(100):
            await asyncio.gather(*(work(parts[number::6]) for number in range(6)))
        counts = await made.counts()
        expected = Counter(verdicts.values())
        assert {VERDICTS[b]: n for (m, b), n in counts.items() if m == MEASURE_VERDICT} == dict(expected)
        problems = await made.problems()
        assert sum(c for _, _, _, c in problems.values()) == expected["accepted"]
        assert {finished for finished, _, _, _ in problems.values()} == {25}
    finally:
        await made.pool.close()
        await made.owner.close()


async def test_counting_costs_two_statements_whatever_the_number(scene: Scene):
    """And none where no evaluation is in a batch."""
    async with scene.pool.acquire() as session:
        counted = Counting(session)
        store = RecordStore(InOne(counted))  # pyright: ignore[reportArgumentType]  (one session in the pool's place)
        ids = list(scene.ids.values())
        costs: list[int] = []
        alone = uuid7()
        await scene.owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", alone)
        for part in ([alone], ids[:1], ids[1:]):
            counted.statements = 0
            await store.apply(batch_of([terminal(one, "accepted") for one in part]), "e")
            costs.append(counted.statements)
    assert [cost - costs[0] for cost in costs] == [0, 2, 2]


class Counting:
    """A session that counts what it is asked."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.statements = 0

    def transaction(self) -> Any:
        return self._session.transaction()

    async def execute(self, *arguments: Any) -> Any:
        self.statements += 1
        return await self._session.execute(*arguments)

    async def fetch(self, *arguments: Any) -> Any:
        self.statements += 1
        return await self._session.fetch(*arguments)
