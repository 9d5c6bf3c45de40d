"""What statements cost does not grow with what waits: pages touched, counted by PostgreSQL itself.

The plans are made while the tables are empty and kept: PostgreSQL's own remedy, statistics, may come a minute late.
"""

import json
from uuid import UUID

import pytest

from cloche.kit.postgres import PLANNED_ONCE, load_sql

_FILL = """
INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout, deadline_at, run_at,
                        due, lease_id, lease_until, attempt, program)
SELECT CASE WHEN running THEN lpad(to_hex(i), 32, '0')::uuid ELSE gen_random_uuid() END, 't' || i % 20,
       CASE i % 3 WHEN 0 THEN 'batch' ELSE 'interactive' END, i % 7, 'python', 1, '1 day', now() + interval '1 day',
       CASE WHEN i % 2 = 0 THEN now() ELSE now() + interval '1 hour' END, i % 2 = 0,
       CASE WHEN running THEN lpad(to_hex(i), 32, '0')::uuid END,
       CASE WHEN running THEN now() - interval '1 second' END,
       CASE WHEN running THEN 1 ELSE 0 END, convert_to(repeat('x', 300), 'UTF8')
FROM (SELECT i, i % ($1::integer / 50) = 0 AS running FROM generate_series(1, $1::integer) AS i) t
"""
#: The next of its tenant.
_FIRST = """
INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout, deadline_at, program)
VALUES ('00000000-0000-0000-0000-000000000000', 't2', 'interactive', 9, 'python', 1, '1 day',
        now() + interval '1 day', '')
"""
_TOLD = """
WITH ended AS (
    INSERT INTO queue.result (evaluation_id, tenant, lane, verdict, outcome, reason, attempts, record)
    SELECT ('dead' || lpad(to_hex(i), 28, '0'))::uuid, 't1', 'batch', 'internal_error', 'dead', '', 1,
           convert_to(repeat('x', 300), 'UTF8')
    FROM generate_series(1, $1::integer) AS i RETURNING evaluation_id)
INSERT INTO queue.outbox (evaluation_id, attempt, type) SELECT evaluation_id, 1, 'evaluation.completed' FROM ended
"""


def _array(values):
    return "'{" + ", ".join(map(str, values)) + "}'"


def _ten(value):
    return _array([value] * 10)


#: Each statement that finds tasks or results: the types of its arguments, and its arguments. ``{ids}`` are
#: those of ten that run, and of their leases; ``{dead}`` those of ten dead letters.
STATEMENTS = {
    "lease": (
        "text[], smallint[], integer, interval, text, bigint",
        "'{python, python@3}', '{2, 2}', 10, '30 s', 'w1', 1000000",
    ),
    "lease_tasks": (
        "text[], smallint[], integer, interval, text, bigint",
        "'{python, python@3}', '{2, 2}', 10, '30 s', 'w1', 1000000",
    ),
    "finish": (
        "uuid[], uuid[], integer[], text[], text[], text[], bytea[], text[]",
        f"{{ids}}, {{ids}}, {_ten(1)}, {_ten('x')}, {_ten('completed')}, {_ten('x')}, {_ten('x')}, {_ten('x')}",
    ),
    "heartbeat": ("uuid[], uuid[], interval", "{ids}, {ids}, '30 s'"),
    "lock_leased": ("uuid[], uuid[]", "{ids}, {ids}"),
    "lock_expired": ("integer", "10"),
    "lock_overdue": ("integer", "10"),
    "lock_tasks": ("uuid[]", "{ids}"),
    "request_cancel": ("uuid[]", "{ids}"),
    "requeue": (
        "uuid[], uuid[], interval[], integer[], integer[], text[], text[]",
        f"{{ids}}, {{ids}}, {_ten('0 s')}, {_ten(1)}, {_ten(0)}, {_ten('x')}, {_ten('x')}",
    ),
    "endings": ("uuid[]", "{ids}"),
    "outbox_read": ("integer, bigint", "10, 1000000"),
    "results": ("text, uuid, integer, bigint", "'0', '00000000-0000-0000-0000-000000000000', 10, 1000000"),
    "lease_turn": ("", ""),
    "task_view": ("uuid, text, integer", "'00000000-0000-0000-0000-000000000000', 't2', 10000"),
    "result_view": ("uuid, text", "'dead0000-0000-0000-0000-000000000001', 't1'"),
    "dead_one": ("uuid, text", "'dead0000-0000-0000-0000-000000000001', NULL"),
    "dead_dismiss": ("uuid[]", "{dead}"),
}
#: How many rows they answer with, if not ten.
ROWS = {"lock_overdue": 0, "request_cancel": 0, "endings": 0, "lease_turn": 0}
ROWS |= {"task_view": 1, "result_view": 1, "dead_one": 1}


def _prepare(name):
    """Of a file with more statements, the last."""
    types, sql = STATEMENTS[name][0], load_sql("cloche.queue", name).rpartition(";\n")[2]
    return f"PREPARE {name} {types and f'({types})'} AS {sql}"


async def _pages(session, name, step):
    """How many pages it touches with the plan that it has; what it changes is undone."""
    transaction = session.transaction()
    await transaction.start()
    running = [step * i for i in range(1, 11)]
    ids = _array(UUID(int=i) for i in running)
    dead = _array(UUID(int=(0xDEAD << 112) + i) for i in running)
    arguments = STATEMENTS[name][1].replace("{ids}", ids).replace("{dead}", dead)
    execute = f"EXECUTE {name} {arguments and f'({arguments})'}"
    plan = await session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}")
    await transaction.rollback()
    root = json.loads(plan)[0]["Plan"]
    return root["Shared Hit Blocks"] + root["Shared Read Blocks"], root["Actual Rows"]


@pytest.mark.parametrize("vacuumed", [False, True], ids=["never vacuumed", "vacuumed empty"])
async def test_with_100_000_waiting_a_statement_touches_no_more_than_twice_the_pages_of_1_000(owner, vacuumed):
    for setting, value in PLANNED_ONCE.items():
        await owner.execute(f"SET {setting} = {value}")
    pages = {name: [] for name in STATEMENTS}
    for queued in (1_000, 100_000):
        await owner.execute("TRUNCATE queue.task, queue.result, queue.outbox")
        if vacuumed:
            await owner.execute("VACUUM ANALYZE queue.task, queue.result, queue.outbox")
        for name in STATEMENTS:
            await owner.execute(_prepare(name))
            await _pages(owner, name, 1)
        await owner.execute(_FILL, queued)
        await owner.execute(_FIRST)
        await owner.execute(_TOLD, queued)
        for name in STATEMENTS:
            touched, rows = await _pages(owner, name, queued // 50)
            assert rows == ROWS.get(name, 10), name
            pages[name].append(touched)
            await owner.execute(f"DEALLOCATE {name}")
    assert {name: counts for name, counts in pages.items() if counts[1] > 2 * counts[0]} == {}


def _nodes(plan):
    """All of a plan, with where each is read from."""
    yield plan["Node Type"], plan.get("Relation Name"), plan.get("Heap Fetches", 0)
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@pytest.mark.parametrize("tenant", ["NULL", "'t1'"])
@pytest.mark.parametrize("vacuumed", [False, True], ids=["never vacuumed", "vacuumed empty"])
@pytest.mark.parametrize("name", ["lanes", "shares"])
async def test_counting_what_waits_and_runs_reads_indexes_and_not_the_table(owner, name, vacuumed, tenant):
    for setting, value in PLANNED_ONCE.items():
        await owner.execute(f"SET {setting} = {value}")
    if vacuumed:
        await owner.execute("VACUUM ANALYZE queue.task")
    await owner.execute(f"PREPARE {name} (text) AS {load_sql('cloche.queue', name)}")
    await owner.execute(f"EXECUTE {name} ({tenant})")
    await owner.execute("SET synchronous_commit = on")  # else VACUUM can not tell that it is committed
    await owner.execute(_FILL, 10_000)
    await owner.execute("VACUUM queue.task")
    plan = await owner.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} ({tenant})")
    rows = await owner.fetch(f"EXECUTE {name} ({tenant})")
    counted = [(node, fetched) for node, table, fetched in _nodes(json.loads(plan)[0]["Plan"]) if table == "task"]
    assert len(counted) == 4
    assert set(counted) == {("Index Only Scan", 0)}
    lanes = [row for row in rows if name == "lanes" or row["tenant"] is None]
    assert sum(row["queued"] + row["running"] for row in lanes) == (10_000 if tenant == "NULL" else 500)
    assert sum(row["delayed"] for row in lanes) == (5_000 if tenant == "NULL" else 500)
