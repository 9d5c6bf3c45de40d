"""What statements cost does not grow with what waits: pages touched, counted by PostgreSQL itself."""

import json
from datetime import timedelta

from cloche.kit.postgres import load_sql

_FILL = """
INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout, deadline_at, run_at,
                        due, program)
SELECT gen_random_uuid(), 't' || i % 20, CASE i % 3 WHEN 0 THEN 'batch' ELSE 'interactive' END, i % 7, 'python', 1,
       '1 day', now() + interval '1 day', CASE WHEN i % 2 = 0 THEN now() ELSE now() + interval '1 hour' END, i % 2 = 0,
       convert_to(repeat('x', 300), 'UTF8')
FROM generate_series(1, $1::integer) AS i
"""


async def _pages(session, statement, *arguments):
    """How many pages it touches; what it changes is undone."""
    transaction = session.transaction()
    await transaction.start()
    plan = await session.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {load_sql('cloche.queue', statement)}", *arguments
    )
    await transaction.rollback()
    root = json.loads(plan)[0]["Plan"]
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"]


async def _lease_pages(owner, queued):
    await owner.execute("TRUNCATE queue.task")
    await owner.execute(_FILL, queued)
    await owner.execute("VACUUM ANALYZE queue.task")
    return await _pages(owner, "lease", ["python", "python@3"], [2, 2], 10, timedelta(seconds=30), "w1")


async def test_a_lease_touches_no_more_pages_with_100_000_waiting_than_twice_those_with_1_000(owner):
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    few = await _lease_pages(owner, 1_000)
    many = await _lease_pages(owner, 100_000)
    assert many <= 2 * few, (few, many)
