"""What is older than it need be kept goes, with all that belongs to it, and nothing else."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cloche.kit.clock import now
from cloche.kit.ids import uuid7_floor
from cloche.kit.postgres import load_sql, open_pool
from cloche.storage.record_store import RecordStore
from cloche.storage.retention import Retention

TABLES = ("submission", "verdict_record", "output", "case_result")


@pytest.fixture
async def owner(database: Any):
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def store(database: Any):
    pool = await open_pool(database.storage, service="test")
    yield RecordStore(pool)
    await pool.close()


async def evaluation(owner: asyncpg.Connection, moment: datetime, status: str, number: int = 0) -> UUID:
    id_ = UUID(int=uuid7_floor(moment).int + number)
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime, status) VALUES ($1, 't', 'r', $2)", id_, status)
    await owner.execute("INSERT INTO submission VALUES ($1, '')", id_)
    await owner.execute("INSERT INTO verdict_record (evaluation_id, record) VALUES ($1, '')", id_)
    await owner.execute("INSERT INTO output VALUES ($1, 1, 1, 0, 'x', null, null, now())", id_)
    await owner.execute("INSERT INTO case_result (evaluation_id, attempt, case_index, body) VALUES ($1, 1, 0, '')", id_)
    return id_


async def test_old_finished_evaluations_go_with_all_that_is_theirs(store: RecordStore, owner: asyncpg.Connection):
    old, young = now() - timedelta(days=31), now() - timedelta(days=29)
    gone = {await evaluation(owner, old, "finished", number) for number in range(1200)}
    kept = {await evaluation(owner, old, "running", 5000), await evaluation(owner, young, "finished")}
    for moment in (old, young):
        await owner.execute(
            "INSERT INTO poison_event (ledger_id, shard, reason, fields, created_at) VALUES ('1-0', 0, 'r', '{}', $1)",
            moment,
        )
    assert await Retention(store, 30).forget_old() == len(gone)
    assert {row["id"] for row in await owner.fetch("SELECT id FROM evaluation")} == kept
    for table in TABLES:
        assert {row[0] for row in await owner.fetch(f"SELECT evaluation_id FROM {table}")} == kept
    assert await owner.fetchval("SELECT count(*) FROM poison_event") == 1


async def test_everything_stays_unless_a_number_of_days_is_set(store: RecordStore, owner: asyncpg.Connection):
    id_ = await evaluation(owner, now() - timedelta(days=3000), "finished")
    assert await Retention(store, None).forget_old() == 0
    assert await owner.fetchval("SELECT id FROM evaluation WHERE id = $1", id_) == id_


async def test_what_waits_to_be_told_to_the_queue_is_not_read_for_each_evaluation_that_goes(
    store: RecordStore, owner: asyncpg.Connection
):
    for number in range(20):
        await evaluation(owner, now() - timedelta(days=40), "finished", number)
    await owner.execute(
        "WITH waiting AS (INSERT INTO evaluation (id, tenant, runtime)"
        " SELECT gen_random_uuid(), 'waiting', 'r' FROM generate_series(1, 5000) RETURNING id)"
        " INSERT INTO api_outbox (evaluation_id, kind) SELECT id, 'enqueue' FROM waiting"
    )
    async with owner.transaction():
        statement = load_sql("cloche.storage", "delete_old")
        gone = await owner.fetch(statement, uuid7_floor(now() - timedelta(days=31)), 20)
        read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'api_outbox'"
        assert (len(gone), await owner.fetchval(read)) == (20, 0)
    await owner.execute("DELETE FROM evaluation WHERE tenant = 'waiting'")
