"""A batch that people or time deleted goes, with all that is its own, and takes nothing else along."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cloche.kit.clock import now
from cloche.kit.ids import uuid7_floor
from cloche.kit.postgres import open_pool
from cloche.storage.record_store import RecordStore
from cloche.storage.retention import Retention

SHARED = b"\x01" * 32


@pytest.fixture
async def places(new_database: Any):
    database = new_database()
    pool, connection = await open_pool(database.storage, service="test"), await asyncpg.connect(database.owner)
    yield RecordStore(pool), connection
    await connection.close()
    await pool.close()


async def batch(owner: asyncpg.Connection, moment: datetime, evaluations: int, *, finished: bool = True) -> UUID:
    batch_id = uuid7_floor(moment)
    await owner.execute(
        "INSERT INTO problem (tenant, id, body, cases, created_at) VALUES ('t', $1, '', 0, $2) ON CONFLICT DO NOTHING",
        SHARED,
        moment,
    )
    await owner.execute(
        "INSERT INTO frame (tenant, id, body, created_at) VALUES ('t', $1, '', $2) ON CONFLICT DO NOTHING",
        SHARED,
        moment,
    )
    await owner.execute(
        "INSERT INTO batch (id, tenant, lane, k, head, total, finished_at)"
        " VALUES ($1, 't', 'batch', '{1}', '', $2, $3)",
        batch_id,
        evaluations,
        moment if finished else None,
    )
    await owner.execute("INSERT INTO batch_feed (batch_id) VALUES ($1)", batch_id)
    await owner.execute(
        "INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes)"
        " VALUES ($1, 0, 'a', 't', $2, $2, 0)",
        batch_id,
        SHARED,
    )
    await owner.execute("INSERT INTO batch_count VALUES ($1, 0, 0, 0, $2)", batch_id, evaluations)
    await owner.execute(
        "INSERT INTO evaluation (id, tenant, runtime, status, batch_id, problem_number, sample, repeat, superseded)"
        " SELECT gen_random_uuid(), 't', 'r', 'finished', $1, 0, i, 0, i % 7 = 0 FROM generate_series(1, $2::int) i",
        batch_id,
        evaluations,
    )
    return batch_id


async def batches_of(owner: asyncpg.Connection) -> set[UUID]:
    left = {row["id"] for row in await owner.fetch("SELECT id FROM batch")}
    for table in ("evaluation", "batch_problem", "batch_count", "batch_feed"):
        assert {row[0] for row in await owner.fetch(f"SELECT DISTINCT batch_id FROM {table}")} == left
    return left


async def test_what_people_deleted_goes_and_nothing_else(places: Any):
    store, owner = places
    gone, kept = await batch(owner, now() - timedelta(hours=1), 1203), await batch(owner, now(), 5)
    await owner.execute("UPDATE batch SET deleted_at = now() WHERE id = $1", gone)
    assert await Retention(store, None).forget_deleted() == 1203
    assert await batches_of(owner) == {kept}


async def test_old_batches_go_whole_and_their_problems_after_the_last(places: Any):
    store, owner = places
    old, young = await batch(owner, now() - timedelta(days=40), 20), await batch(owner, now() - timedelta(days=20), 3)
    unfinished = await batch(owner, now() - timedelta(days=50), 2, finished=False)
    assert old in await batches_of(owner)
    await Retention(store, 30).forget_old()
    assert await batches_of(owner) == {young, unfinished}
    assert await owner.fetchval("SELECT count(*) FROM problem") == 1
    await owner.execute("UPDATE batch SET deleted_at = now()")
    await Retention(store, 30).forget_old()
    assert await batches_of(owner) == set()
    assert await owner.fetchval("SELECT (SELECT count(*) FROM problem) + (SELECT count(*) FROM frame)") == 0
