"""What a batch holds back is no finding; what it lost is held back again, and queued whole."""

from uuid import UUID, uuid4

import orjson
import pytest

from .platform import Platform
from .test_fsck import platform  # noqa: F401  (a fixture)


async def held(p: Platform) -> UUID:
    """An evaluation of a batch, of whose program only its file is its own."""
    evaluation_id, batch_id, shared = await p.submit(), uuid4(), uuid4().bytes * 2
    row = await p.pool.fetchrow("SELECT program FROM submission WHERE evaluation_id = $1", evaluation_id)
    assert row is not None
    whole = orjson.loads(row["program"])
    own = {"files": [{"path": "main.py", "content": "x"}], "entrypoint": "main.py"}
    frame = {k: v for k, v in whole.items() if k not in own} | {"files": [], "prefix": "before ", "suffix": " after"}
    await p.pool.execute("INSERT INTO problem (tenant, id, body, cases) VALUES ('t1', $1, '', 0)", shared)
    await p.pool.execute("INSERT INTO frame (tenant, id, body) VALUES ('t1', $1, $2)", shared, orjson.dumps(frame))
    await p.pool.execute(
        "INSERT INTO batch (id, tenant, lane, k, head, total) VALUES ($1, 't1', 'batch', '{1}', '', 1)", batch_id
    )
    await p.pool.execute("INSERT INTO batch_feed (batch_id, done) VALUES ($1, true)", batch_id)
    await p.pool.execute(
        "INSERT INTO batch_problem (batch_id, number, key, tenant, problem_id, frame_id, frame_bytes)"
        " VALUES ($1, 0, 'a', 't1', $2, $2, 0)",
        batch_id,
        shared,
    )
    await p.pool.execute(
        "UPDATE evaluation SET batch_id = $2, problem_number = 0, sample = 0, repeat = 0 WHERE id = $1",
        evaluation_id,
        batch_id,
    )
    await p.pool.execute(
        "UPDATE submission SET program = $2 WHERE evaluation_id = $1", evaluation_id, orjson.dumps(own)
    )
    await p.pool.execute(
        "WITH told AS (DELETE FROM api_outbox WHERE evaluation_id = $1 RETURNING body)"
        " INSERT INTO batch_backlog (batch_id, evaluation_id, body) SELECT $2, $1, body FROM told",
        evaluation_id,
        batch_id,
    )
    return evaluation_id


async def test_what_is_held_back_is_no_finding(platform: Platform) -> None:  # noqa: F811  (a fixture)
    await held(platform)
    assert await platform.kinds() == {}


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_a_batch_lost_is_held_back_again(platform: Platform, *, cancelled: bool) -> None:  # noqa: F811  (a fixture)
    evaluation_id = await held(platform)
    await platform.pool.execute("DELETE FROM batch_backlog")
    await platform.pool.execute("UPDATE evaluation SET cancel_requested = $1", cancelled)
    assert await platform.kinds() == {str(evaluation_id): {"lost_enqueue"}}
    report = await platform.fsck(repair=True)
    assert (report.left, len(report.mended)) == ([], 1)
    row = await platform.pool.fetchrow(
        "SELECT q.*, f.done FROM batch_backlog q JOIN batch_feed f USING (batch_id) WHERE evaluation_id = $1",
        evaluation_id,
    )
    assert row is not None
    assert (row["cancelled"], row["done"], orjson.loads(row["body"])["runtime"]) == (cancelled, False, "python")


async def test_lost_task_of_a_batch_is_queued_with_its_whole_program(platform: Platform) -> None:  # noqa: F811  (a fixture)
    evaluation_id = await held(platform)
    await platform.pool.execute("DELETE FROM batch_backlog")
    await platform.pool.execute("INSERT INTO queue.known (evaluation_id) VALUES ($1)", evaluation_id)
    assert await platform.kinds() == {str(evaluation_id): {"lost_task"}}
    report = await platform.fsck(repair=True)
    assert report.left == []
    program = orjson.loads(
        await platform.pool.fetchval("SELECT program FROM queue.task WHERE evaluation_id = $1", evaluation_id)
    )
    assert program["files"] == [{"path": "main.py", "content": "before x after"}]
