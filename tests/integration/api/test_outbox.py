"""The outbox's batches against a real PostgreSQL."""

import json
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from cloche.api import outbox
from cloche.api.metrics import Metrics
from cloche.contracts.tasks import EnqueueAnswer
from cloche.kit.bus import Bus
from cloche.kit.clock import iso_now
from cloche.kit.errors import InvalidRequestError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import load_sql, open_pool

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
        rows = await owner.fetch(TAKE, 200, limit, [])
        assert len(rows) == count
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
        assert (rows[-1]["evaluation_id"] == cancelled) == (count == 4)
    finally:
        await transaction.rollback()
        await owner.close()


class Queue:
    """Refuses what it is told to; keeps what it took."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.taken: list[str] = []

    async def post_json(self, _: str, raw: bytes, *__: Any, **___: Any) -> EnqueueAnswer:
        ids = [task["evaluation_id"] for task in json.loads(raw)["tasks"]]
        if self.refused & set(ids):
            raise InvalidRequestError("not this one")
        self.taken += ids
        return EnqueueAnswer(accepted=len(ids), known=0, queued_at=iso_now())


async def test_what_is_refused_holds_up_nobody_and_is_told_until_it_is_taken(
    database: Any, redis_urls: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "_BATCH", 2)
    queue, metrics = Queue(), Metrics(CollectorRegistry())
    owner, pool, bus = await asyncpg.connect(database.owner), await open_pool(database.api, service="api"), None
    try:
        bus = Bus.connect(redis_urls["api"])
        time = [0.0]
        relay = outbox.OutboxRelay(pool, queue, bus, metrics, lambda: time[-1])  # pyright: ignore[reportArgumentType]  (a double)
        first, second, third = [str(await insert(owner, b"{}")) for _ in range(3)]
        queue.refused = {first, second}
        for _ in range(2):
            await relay.relay_batch()
        assert queue.taken == [third]
        assert metrics.oldest_untold_at is not None
        await relay.relay_batch()
        assert metrics.oldest_untold_at is not None
        time.append(3600.0)
        queue.refused = set()
        await relay.relay_batch()
        assert queue.taken == [third, first, second]
        assert metrics.oldest_untold_at is None
    finally:
        await owner.close()
        await pool.close()
        if bus is not None:
            await bus.close()


async def insert(owner: asyncpg.Connection, program: bytes | None) -> Any:
    evaluation_id = uuid7()
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", evaluation_id)
    await owner.execute(
        "INSERT INTO submission (evaluation_id, program) VALUES ($1, $2)", evaluation_id, program or b""
    )
    kind = "cancel" if program is None else "enqueue"
    body = json.dumps({"evaluation_id": str(evaluation_id)}).encode() if kind == "enqueue" else None
    await owner.execute(
        "INSERT INTO api_outbox (evaluation_id, kind, body) VALUES ($1, $2, $3)", evaluation_id, kind, body
    )
    return evaluation_id
