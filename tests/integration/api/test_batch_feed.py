"""The feed against a real PostgreSQL and a queue that misbehaves: everything told, within the window, and once."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from cloche.api import admission
from cloche.api.admission import Admission
from cloche.api.batches.feed import BatchFeed
from cloche.api.batches.window import LEAST
from cloche.api.metrics import Metrics
from cloche.contracts.tasks import EnqueueAnswer, LoadsAnswer, NewTask, TenantLoad
from cloche.kit.clock import iso_now, now, parse
from cloche.kit.errors import InvalidRequestError, UnavailableError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import Pool, load_sql, open_pool

SHARED = b"\x04" * 32
FRAME = {
    "runtime": "python", "limits": {}, "compile_limits": {}, "isolation": "namespace", "files": [],
    "prefix": "# ", "suffix": " !", "cases": [{"stdin": "1"}],
}  # fmt: skip


class Queue:
    """Refuses what it is told to; keeps what it took and what was cancelled."""

    def __init__(self) -> None:
        self.refused: set[UUID] = set()
        self.away = False
        self.limit: int | None = None
        self.loads: list[TenantLoad] = []
        self.taken: list[NewTask] = []
        self.cancelled: list[UUID] = []

    async def post_json(self, _: str, raw: bytes, *__: Any, **___: Any) -> EnqueueAnswer:
        tasks = [NewTask.model_validate(task) for task in json.loads(raw)["tasks"]]
        if self.refused & {task.evaluation_id for task in tasks}:
            raise InvalidRequestError("not this one")
        self.taken += tasks
        if self.away:  # after it took them: the answer is lost
            raise UnavailableError
        return EnqueueAnswer(accepted=len(tasks), known=0, queued_at=iso_now())

    async def get(self, *_: Any, **__: Any) -> LoadsAnswer:
        return LoadsAnswer(tenants=self.loads, limits={"": self.limit})

    async def post(self, _: str, request: Any, *__: Any, **___: Any) -> None:
        self.cancelled += request.evaluation_ids


class Scene:
    """A batch with ``count`` evaluations that nobody was told of."""

    def __init__(self, owner: asyncpg.Connection, pool: Pool) -> None:
        self.owner = owner
        self.queue = Queue()
        queue: Any = self.queue
        self.feed = BatchFeed(pool, queue, Admission(queue), Metrics(CollectorRegistry()))
        self.batch_id = uuid7()
        self.ids: list[UUID] = []

    async def fill(self, count: int) -> None:
        await self.owner.execute("INSERT INTO problem (tenant, id, body, cases) VALUES ('t', $1, '', 0)", SHARED)
        body = json.dumps(FRAME).encode()
        await self.owner.execute("INSERT INTO frame (tenant, id, body) VALUES ('t', $1, $2)", SHARED, body)
        await self.owner.execute(
            "INSERT INTO batch (id, tenant, lane, k, head, total, received_at)"
            " VALUES ($1, 't', 'batch', '{1}', '', $2, now())",
            self.batch_id,
            count,
        )
        await self.owner.execute("INSERT INTO batch_feed (batch_id) VALUES ($1)", self.batch_id)
        await self.owner.execute(
            "INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes)"
            " VALUES ($1, 0, 'a', 't', $2, $2, 100)",
            self.batch_id,
            SHARED,
        )
        for sample in range(count):
            one = uuid7()
            self.ids.append(one)
            await self.owner.execute(
                "INSERT INTO evaluation (id, tenant, runtime, batch_id, problem_number, sample, repeat)"
                " VALUES ($1, 't', 'python', $2, 0, $3, 0)",
                one,
                self.batch_id,
                sample,
            )
            own = {"files": [{"path": "main.py", "content": f"{sample}"}], "entrypoint": "main.py"}
            await self.owner.execute("INSERT INTO submission VALUES ($1, $2)", one, json.dumps(own).encode())
            task = {"evaluation_id": str(one), "tenant": "t", "runtime": "python", "isolation": "namespace"}
            await self.owner.execute(
                "INSERT INTO batch_backlog (batch_id, evaluation_id, body) VALUES ($1, $2, $3)",
                self.batch_id,
                one,
                json.dumps(task).encode(),
            )

    async def left(self) -> int:
        return await self.owner.fetchval("SELECT count(*) FROM batch_backlog") or 0

    async def feed_row(self) -> tuple[int, bool]:
        row = await self.owner.fetchrow("SELECT told, done FROM batch_feed")
        assert row is not None
        return row["told"], row["done"]


@pytest.fixture
async def scene(new_database: Any) -> AsyncIterator[Scene]:
    database = new_database()
    owner, pool = await asyncpg.connect(database.owner), await open_pool(database.api, service="test")
    yield Scene(owner, pool)
    await pool.close()
    await owner.close()


async def test_no_more_is_told_than_the_window_holds_and_each_whole(scene: Scene):
    await scene.fill(LEAST + 10)
    for _ in range(3):
        await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.ids[:LEAST]
    assert await scene.left() == 10
    assert await scene.feed_row() == (LEAST, False)
    program = scene.queue.taken[7].program
    assert (program.files[0].content, program.cases[0].stdin) == ("# 7 !", "1")
    await scene.owner.execute("INSERT INTO batch_count VALUES ($1, 0, 0, 0, $2)", scene.batch_id, LEAST)
    await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.ids
    assert await scene.feed_row() == (LEAST + 10, True)


async def test_batches_leave_half_of_what_a_tenant_may_queue(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admission, "FRESH_S", 0.0)
    await scene.fill(30)
    scene.queue.limit = 20
    await scene.feed.feed_round()
    assert len(scene.queue.taken) == 10
    scene.queue.loads = [TenantLoad(tenant="t", queued=7, max_queued=20)]
    await scene.feed.feed_round()
    assert len(scene.queue.taken) == 13
    scene.queue.loads, scene.queue.limit = [], 1
    await scene.feed.feed_round()
    assert len(scene.queue.taken) == 14


async def test_lost_answer_is_told_again_and_counted_once(scene: Scene):
    await scene.fill(5)
    scene.queue.away = True
    with pytest.raises(UnavailableError):
        await scene.feed.feed_round()
    assert (await scene.left(), await scene.feed_row()) == (5, (0, False))
    scene.queue.away = False
    await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.ids * 2
    assert await scene.feed_row() == (5, True)


async def test_refused_one_stands_aside_and_holds_up_nobody(scene: Scene):
    await scene.fill(5)
    scene.queue.refused = {scene.ids[0]}
    await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.ids[1:]
    assert (await scene.left(), await scene.feed_row()) == (1, (4, False))


async def test_paused_batch_tells_nothing_but_what_is_cancelled(scene: Scene):
    await scene.fill(5)
    await scene.owner.execute("UPDATE batch SET paused = true")
    await scene.feed.feed_round()
    assert scene.queue.taken == []
    cancel = load_sql("cloche.api", "request_cancel")
    assert await scene.owner.fetchval(cancel, scene.ids[3], "t") == scene.ids[3]
    assert await scene.owner.fetchval("SELECT count(*) FROM api_outbox") == 0
    await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.queue.cancelled == [scene.ids[3]]
    run_at = scene.queue.taken[0].run_at
    assert run_at is not None
    assert (parse(run_at) - now()).days >= 5


async def test_cancelled_batch_is_told_as_what_never_begins_and_without_its_programs(scene: Scene):
    await scene.fill(LEAST + 20)
    await scene.feed.feed_round()
    await scene.owner.execute("UPDATE batch SET cancelled_at = now()")
    scene.queue.taken.clear()
    await scene.feed.feed_round()
    await scene.feed.tidy()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.queue.cancelled == scene.ids[LEAST:]
    assert all(task.run_at and task.program.files == [] for task in scene.queue.taken)
    told = await scene.owner.fetch("SELECT evaluation_id FROM api_outbox WHERE kind = 'cancel'")
    assert {row["evaluation_id"] for row in told} == set(scene.ids[:LEAST])
    assert await scene.owner.fetchval("SELECT bool_and(cancel_requested) FROM evaluation")


async def test_abandoned_upload_is_refused_and_others_are_not(scene: Scene):
    await scene.fill(1)
    await scene.owner.execute("UPDATE batch SET received_at = NULL, line_at = now() - interval '14 minutes'")
    await scene.feed.tidy()
    assert await scene.owner.fetchval("SELECT refused FROM batch") == ""
    await scene.owner.execute("UPDATE batch SET line_at = now() - interval '16 minutes', idempotency_key = 'k'")
    await scene.feed.tidy()
    row = await scene.owner.fetchrow("SELECT refused, cancelled_at, idempotency_key FROM batch")
    assert row is not None
    assert (row["refused"], row["cancelled_at"] is None, row["idempotency_key"]) == (
        "The upload broke off.",
        False,
        None,
    )


async def test_neither_paused_batches_nor_another_tenants_many_hold_up_a_batch(scene: Scene):
    await scene.fill(3)
    for tenant, paused in (("t", True), ("other", False)):
        await scene.owner.execute(
            "WITH older AS (INSERT INTO batch (id, tenant, lane, k, head, total, paused)"
            " SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i + $3), 12, '0'))::uuid, $1, 'batch', '{1}', '', 1, $2"
            " FROM generate_series(1, 60) i RETURNING id)"
            " INSERT INTO batch_feed (batch_id) SELECT id FROM older",
            tenant,
            paused,
            0 if paused else 1000,
        )
    await scene.feed.feed_round()
    assert [task.evaluation_id for task in scene.queue.taken] == scene.ids
