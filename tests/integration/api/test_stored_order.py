"""Stored output comes back in the order in which it was written, each chunk read once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from cloche.api.store import EvaluationStore
from cloche.api.watch import Follower
from cloche.kit.bus import Bus
from cloche.kit.ids import uuid7
from cloche.kit.postgres import open_pool

CHUNKS = 100
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


class Counting(EvaluationStore):
    """Counts the chunks that PostgreSQL was asked for."""

    read = 0

    async def replay(self, evaluation_id: Any, attempt: int, stream: int, after: int) -> list[Any]:
        page = await super().replay(evaluation_id, attempt, stream, after)
        self.read += len(page)
        return page


async def test_both_streams_are_merged_by_time_and_no_stream_is_turned_around(database: Any, redis_urls: Any) -> None:
    owner, evaluation_id = await asyncpg.connect(database.owner), uuid7()
    await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", evaluation_id)
    # The two streams in turns; in the middle the clock steps back by a minute.
    written = [
        (
            evaluation_id,
            1 + n % 2,
            n // 2,
            BEGUN + timedelta(milliseconds=n) - (timedelta(minutes=1) if n >= CHUNKS else timedelta(0)),
        )
        for n in range(2 * CHUNKS)
    ]
    await owner.executemany(
        "INSERT INTO output (evaluation_id, attempt, stream, byte_offset, data, seq, at)"
        " VALUES ($1, 1, $2, $3, 'x', 1, $4)",
        written,
    )
    pool, bus = await open_pool(database.api, service="api"), Bus.connect(redis_urls["api"])
    try:
        store = Counting(pool)
        row: Any = {"id": evaluation_id, "attempt": 1}
        found = [chunk async for chunk in Follower(store, bus)._chunks(row)]
    finally:
        await pool.close()
        await bus.close()
        await owner.close()
    places = [(chunk["stream"], chunk["byte_offset"]) for chunk in found]
    before = CHUNKS - 1  # what follows the step has no time of its own
    assert places[:before] == [(stream, offset) for _, stream, offset, _ in written[:before]]
    for stream in (1, 2):
        assert [offset for which, offset in places if which == stream] == list(range(CHUNKS))
    assert store.read == 2 * CHUNKS
