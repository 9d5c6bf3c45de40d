"""The outbox's batches against a real PostgreSQL."""

from typing import Any

import asyncpg
import pytest

from cloche.kit.ids import uuid7
from cloche.kit.postgres import load_sql

TAKE = load_sql("cloche.api", "take_outbox")
MIB = 1024 * 1024


@pytest.mark.parametrize(("limit", "count"), [(25 * MIB, 2), (15 * MIB, 1), (1 * MIB, 1), (100 * MIB, 4)])
async def test_batch_is_bounded_by_bytes_but_never_empty(database: Any, limit: int, count: int):
    owner = await asyncpg.connect(database.owner)
    transaction = owner.transaction()
    await transaction.start()
    try:
        for _ in range(3):
            await insert(owner, b"x" * 10 * MIB)
        cancelled = await insert(owner, None)
        rows = await owner.fetch(TAKE, 200, limit)
        assert len(rows) == count
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
        assert (rows[-1]["evaluation_id"] == cancelled) == (count == 4)
    finally:
        await transaction.rollback()
        await owner.close()


async def insert(owner: asyncpg.Connection, program: bytes | None) -> Any:
    evaluation_id = uuid7()
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", evaluation_id)
    await owner.execute(
        "INSERT INTO submission (evaluation_id, program) VALUES ($1, $2)", evaluation_id, program or b""
    )
    kind = "cancel" if program is None else "enqueue"
    await owner.execute("INSERT INTO api_outbox (evaluation_id, kind) VALUES ($1, $2)", evaluation_id, kind)
    return evaluation_id
