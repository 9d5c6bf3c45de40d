"""Each way in which queue, record and bus can disagree: broken for real, named, mended, and one verdict in the end."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from cloche.kit.bus import SHARDS, Bus, ledger_key, source_key, stream_key
from cloche.kit.clock import now
from cloche.kit.ids import uuid7
from cloche.kit.postgres import open_pool
from cloche.stack.fsck import look
from cloche.stack.fsck.bus_look import subject_of
from cloche.stack.fsck.check import Places, check
from cloche.stack.fsck.disagreement import KINDS
from cloche.storage.fold import Changes, Terminal
from cloche.storage.settle import unstorable

from .platform import OUTPUT, Platform

LONG_AGO = "now() - interval '1 hour'"


@pytest.fixture
async def platform(database: Any, redis_urls: dict[str, str]) -> AsyncIterator[Platform]:
    """With four healthy evaluations: one submitted, one queued, one that runs, one finished."""
    pool = await open_pool(database.owner, service="test")
    await pool.execute(
        "TRUNCATE evaluation, queue.task, queue.known, queue.result, queue.outbox CASCADE",
    )
    bus = Bus.connect(redis_urls["owner"])
    platform = Platform(pool, bus, Places(database.owner, redis_urls["owner"]))
    await platform.run(await platform.submit())
    await platform.submit()
    await platform.tell_queue()
    await platform.lease()
    await platform.submit()
    await platform.tell_queue()
    await platform.submit()
    yield platform
    await bus.close()
    await pool.close()


async def submitted(p: Platform) -> UUID:
    return await p.submit()


async def queued(p: Platform) -> UUID:
    evaluation_id = await p.submit()
    await p.tell_queue()
    return evaluation_id


async def running(p: Platform) -> UUID:
    evaluation_id = await queued(p)
    await p.lease()
    return evaluation_id


async def decided(p: Platform) -> UUID:
    """Its result is in the queue, and nobody has been told."""
    evaluation_id = await running(p)
    await p.complete(evaluation_id)
    return evaluation_id


async def finished(p: Platform) -> UUID:
    return await p.run(await p.submit())


async def finished_without_inline(p: Platform) -> UUID:
    evaluation_id = await running(p)
    await p.write(evaluation_id, 1, 0, OUTPUT)
    await p.complete(evaluation_id, inline=False)
    await p.tell_bus()
    await p.apply_ledger()
    return evaluation_id


def sql(*statements: str) -> Callable[[Platform, UUID], Awaitable[None]]:
    async def run(p: Platform, evaluation_id: UUID) -> None:
        for statement in statements:
            await p.pool.execute(statement, evaluation_id)

    return run


async def forget_evaluation(p: Platform, evaluation_id: UUID) -> None:
    await p.pool.execute("DELETE FROM evaluation WHERE id = $1", evaluation_id)


async def put_task_back(p: Platform, evaluation_id: UUID) -> None:
    await p.pool.execute(
        "INSERT INTO queue.task (evaluation_id, tenant, lane, priority, runtime, isolation, queue_timeout, deadline_at,"
        " program)"
        " SELECT id, 't1', 'interactive', 0, 'python', 1, '1 day', now() + interval '1 day', program"
        " FROM evaluation JOIN submission ON id = evaluation_id WHERE id = $1",
        evaluation_id,
    )


async def finish_behind_its_back(p: Platform, evaluation_id: UUID) -> None:
    await put_task_back(p, evaluation_id)
    await p.pool.execute("DELETE FROM queue.result WHERE evaluation_id = $1", evaluation_id)


async def await_output(p: Platform, evaluation_id: UUID) -> None:
    await p.complete(evaluation_id, inline=False)
    await p.tell_bus()
    await p.apply_ledger()
    await p.pool.execute(f"UPDATE awaiting_output SET seen_at = {LONG_AGO} WHERE evaluation_id = $1", evaluation_id)


async def dead_letter(p: Platform, evaluation_id: UUID) -> None:
    await p.complete(evaluation_id, "internal_error")
    await p.tell_bus()
    await p.apply_ledger()
    await p.pool.execute("UPDATE evaluation SET verdict = 'accepted' WHERE id = $1", evaluation_id)
    await p.pool.execute(
        "UPDATE verdict_record SET record = convert_to(replace(convert_from(record, 'UTF8'),"
        ' \'"verdict":"internal_error"\', \'"verdict":"accepted"\'), \'UTF8\') WHERE evaluation_id = $1',
        evaluation_id,
    )


async def overlap(p: Platform, evaluation_id: UUID) -> None:
    await p.write(evaluation_id, 1, 3, OUTPUT[3:])


async def stuck_ledger(p: Platform, evaluation_id: UUID) -> None:
    await p.tell_bus()
    for shard in range(SHARDS):
        entries = await p.bus.redis.xrange(ledger_key(shard))
        if entries:
            await p.bus.redis.delete(ledger_key(shard))
        for number, (_, fields) in enumerate(entries):
            await p.bus.redis.xadd(ledger_key(shard), fields, id=f"{1_700_000_000_000 + number}-0")


async def keep_stream(p: Platform, evaluation_id: UUID) -> None:
    await p.bus.redis.persist(source_key(str(evaluation_id)))
    await p.pool.execute(f"UPDATE evaluation SET stored_at = {LONG_AGO} WHERE id = $1", evaluation_id)


async def orphan_stream(p: Platform, evaluation_id: UUID) -> None:
    await p.publish_started(evaluation_id)
    for shard in range(SHARDS):
        await p.bus.redis.delete(ledger_key(shard))


async def nobody(p: Platform) -> UUID:
    return uuid7()


BREAKS: list[tuple[str, Any, Any]] = [
    ("lost_enqueue", submitted, sql("DELETE FROM api_outbox WHERE evaluation_id = $1")),
    (
        "lost_enqueue",
        submitted,
        sql(
            "UPDATE evaluation SET cancel_requested = true WHERE id = $1",
            "DELETE FROM api_outbox WHERE evaluation_id = $1",
        ),
    ),
    ("lost_task", queued, sql("DELETE FROM queue.task WHERE evaluation_id = $1")),
    (
        "lost_task",
        running,
        sql(
            "UPDATE evaluation SET attempt = 1, status = 'running' WHERE id = $1",
            "DELETE FROM queue.task WHERE evaluation_id = $1",
        ),
    ),
    (
        "unread_result",
        decided,
        sql(
            f"UPDATE queue.result SET finished_at = {LONG_AGO} WHERE evaluation_id = $1",
            "DELETE FROM queue.outbox WHERE evaluation_id = $1",
        ),
    ),
    ("awaiting_too_long", running, await_output),
    ("finished_but_queued", finished, finish_behind_its_back),
    ("task_and_result", finished, put_task_back),
    ("orphan_task", queued, forget_evaluation),
    (
        "lease_overdue",
        running,
        sql(f"UPDATE queue.task SET lease_until = {LONG_AGO} WHERE evaluation_id = $1"),
    ),
    (
        "attempt_ahead",
        running,
        sql("UPDATE evaluation SET attempt = 3, status = 'running' WHERE id = $1"),
    ),
    ("no_record", finished, sql("DELETE FROM verdict_record WHERE evaluation_id = $1")),
    (
        "no_record",
        finished,
        sql("DELETE FROM verdict_record WHERE evaluation_id = $1", "DELETE FROM queue.result WHERE evaluation_id = $1"),
    ),
    ("record_unreadable", finished, sql("UPDATE verdict_record SET record = '{' WHERE evaluation_id = $1")),
    (
        "record_unreadable",
        finished,
        sql(
            "UPDATE verdict_record SET record = '\\xff00' WHERE evaluation_id = $1",
            "DELETE FROM queue.result WHERE evaluation_id = $1",
        ),
    ),
    ("verdict_differs", finished, sql("UPDATE evaluation SET verdict = 'wrong_answer' WHERE id = $1")),
    (
        "verdict_differs",
        finished,
        sql(
            "UPDATE evaluation SET verdict = 'wrong_answer' WHERE id = $1",
            "DELETE FROM queue.result WHERE evaluation_id = $1",
        ),
    ),
    ("dead_letter_differs", running, dead_letter),
    ("attempt_differs", finished, sql("UPDATE evaluation SET attempt = 2 WHERE id = $1")),
    (
        "stuck_submission",
        submitted,
        sql(f"UPDATE evaluation SET created_at = {LONG_AGO} WHERE id = $1"),
    ),
    (
        "stuck_event",
        decided,
        sql(f"UPDATE queue.outbox SET created_at = {LONG_AGO} WHERE evaluation_id = $1"),
    ),
    (
        "output_beyond",
        finished,
        sql("INSERT INTO output SELECT $1, 2, 1, 0, 'late', NULL, NULL, now()"),
    ),
    ("output_overlaps", finished, overlap),
    ("output_differs", finished, sql("DELETE FROM output WHERE evaluation_id = $1")),
    ("output_differs", finished, sql("UPDATE output SET data = 'HELLO' || chr(10)::bytea WHERE evaluation_id = $1")),
    ("output_differs", finished_without_inline, sql("DELETE FROM output WHERE evaluation_id = $1")),
    ("output_differs", finished_without_inline, sql("UPDATE output SET data = 'HELLO!' WHERE evaluation_id = $1")),
    ("ledger_stuck", decided, stuck_ledger),
    ("stream_kept", finished, keep_stream),
    ("stream_orphan", nobody, orphan_stream),
]


def test_every_kind_is_broken_here() -> None:
    assert {kind for kind, _, _ in BREAKS} == set(KINDS)


async def test_a_healthy_platform_has_no_findings(platform: Platform) -> None:
    assert await platform.kinds() == {}


@pytest.mark.parametrize(
    ("kind", "make", "damage"), BREAKS, ids=[f"{kind}-{n}" for n, (kind, _, _) in enumerate(BREAKS)]
)
async def test_what_disagrees_is_named_and_mended_and_the_evaluation_gets_one_verdict(
    platform: Platform, kind: str, make: Any, damage: Any
) -> None:
    evaluation_id = await make(platform)
    assert await platform.kinds() == {}
    await damage(platform, evaluation_id)
    found = await platform.kinds()
    assert kind in set().union(*found.values())
    if kind != "ledger_stuck":
        assert set(found) == {str(evaluation_id)}
    report = await platform.fsck(repair=True)
    assert report.left == []
    assert kind in {finding.kind for finding in report.mended}
    assert await platform.kinds() == {}
    await platform.play_on()
    assert await platform.kinds() == {}
    for row in await platform.pool.fetch(
        "SELECT e.status, e.verdict, (SELECT count(*) FROM verdict_record v WHERE v.evaluation_id = e.id) AS records,"
        " (SELECT count(*) FROM queue.result r WHERE r.evaluation_id = e.id AND r.verdict <> e.verdict) AS others"
        " FROM evaluation e"
    ):
        assert (row["status"], row["records"], row["others"]) == ("finished", 1, 0)
        assert row["verdict"] is not None
    assert await platform.pool.fetchval("SELECT count(*) FROM queue.task") == 0


async def stored(platform: Platform, evaluation_id: UUID) -> tuple[bytes, Any]:
    """Its output, and what is named missing."""
    rows = await platform.pool.fetch(
        "SELECT data FROM output WHERE evaluation_id = $1 ORDER BY byte_offset", evaluation_id
    )
    missing = await platform.pool.fetchval("SELECT missing FROM verdict_record WHERE evaluation_id = $1", evaluation_id)
    return b"".join(row["data"] for row in rows), json.loads(missing)


async def test_lost_output_comes_back_from_the_queues_record_and_is_named_missing_where_that_has_none(
    platform: Platform,
) -> None:
    inline, streamed = await finished(platform), await finished_without_inline(platform)
    await platform.pool.execute("DELETE FROM output")
    await platform.fsck(repair=True)
    assert await stored(platform, inline) == (OUTPUT, {})
    assert await stored(platform, streamed) == (b"", {"stdout": [[0, len(OUTPUT)]]})


async def test_a_cancelling_that_was_lost_with_the_enqueue_is_told_again(platform: Platform) -> None:
    evaluation_id = await submitted(platform)
    await platform.pool.execute("UPDATE evaluation SET cancel_requested = true WHERE id = $1", evaluation_id)
    await platform.pool.execute("DELETE FROM api_outbox WHERE evaluation_id = $1", evaluation_id)
    await platform.fsck(repair=True)
    await platform.play_on()
    assert await platform.pool.fetchval("SELECT verdict FROM evaluation WHERE id = $1", evaluation_id) == "cancelled"


async def test_the_queues_word_holds_where_verdicts_differ(platform: Platform) -> None:
    evaluation_id = await finished(platform)
    await platform.pool.execute("UPDATE evaluation SET verdict = 'wrong_answer' WHERE id = $1", evaluation_id)
    await platform.fsck(repair=True)
    assert await platform.pool.fetchval("SELECT verdict FROM evaluation WHERE id = $1", evaluation_id) == "accepted"


async def test_a_record_that_could_not_be_stored_is_no_finding(platform: Platform) -> None:
    evaluation_id = await decided(platform)
    terminal = unstorable(Terminal(evaluation_id, platform.record(1, "accepted")))
    await platform.store(Changes(terminals={evaluation_id: terminal}))
    assert await platform.kinds() == {}


async def test_what_disagrees_only_in_one_look_is_no_finding(platform: Platform) -> None:
    """A look that finds something, and mending by the platform before the second."""
    evaluation_id = await submitted(platform)
    row = await platform.pool.fetchrow(
        "DELETE FROM api_outbox WHERE evaluation_id = $1 RETURNING kind, body", evaluation_id
    )
    assert row is not None

    async def meanwhile(_: float) -> None:
        await platform.pool.execute(
            "INSERT INTO api_outbox (evaluation_id, kind, body) VALUES ($1, 'enqueue', $2)", evaluation_id, row["body"]
        )

    stores = look.Stores(platform.pool, platform.bus)
    assert await look.look_twice(stores, UUID(int=0), 0, wait=meanwhile) == []


async def test_only_what_was_submitted_since_then_is_looked_at(platform: Platform) -> None:
    evaluation_id = await submitted(platform)
    await platform.pool.execute("DELETE FROM api_outbox WHERE evaluation_id = $1", evaluation_id)
    for minutes, count in ((1, 1), (-1, 0)):
        since = now() - timedelta(minutes=minutes)
        report = await check(platform.places, since=since, apart_s=0, repair=False)
        assert len(report.left) == count


async def test_the_command_says_it_in_lines_in_json_and_by_its_status(platform: Platform) -> None:
    async def fsck(*options: str, pg_url: str | None = None) -> Any:
        urls = ["--pg-url", pg_url or platform.places.dsn, "--redis-url", platform.places.redis_url, "--apart", "0"]
        command = [sys.executable, "-m", "cloche.cli.main", "fsck", *urls, *options]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    clean = await fsck()
    assert (clean.returncode, clean.stdout) == (0, "All agrees.\n")
    evaluation_id = await submitted(platform)
    await platform.pool.execute("DELETE FROM api_outbox WHERE evaluation_id = $1", evaluation_id)
    lines = await fsck()
    assert lines.returncode == 1
    assert lines.stdout.startswith(f"{evaluation_id}  lost_enqueue: the queue never heard of it (queued) -> tell")
    asked = await fsck("--json")
    assert (asked.returncode, json.loads(asked.stdout)["left"][0]["kind"]) == (1, "lost_enqueue")
    mended = await fsck("--repair")
    assert (mended.returncode, mended.stdout.startswith("mended: ")) == (0, True)
    away = await fsck(pg_url="postgresql://nobody@/none?host=/nowhere")
    assert (away.returncode, away.stdout) == (2, "")


async def test_keys_of_the_bus_are_those_that_fsck_looks_for(platform: Platform) -> None:
    for key in (stream_key("x"), source_key("x")):
        assert subject_of(key.encode()) == "x"
