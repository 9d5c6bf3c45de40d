"""``cloche queue`` against the queue's public face and the API, on one address as the web process has them."""

import asyncio
import json
import re

import pytest
import uvicorn
from typer.testing import CliRunner

from cloche.api.app import create_app
from cloche.api.settings import ApiSettings
from cloche.cli.main import app as command
from cloche.client.async_client import AsyncClient
from cloche.contracts.submission import EvaluationRequest
from cloche.kit.listen import open_listener

LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[(debug|info|warning|error) ")


@pytest.fixture
async def address(queue, database, redis_urls, tmp_path):
    """Where both listen. The API never reaches the queue, so a test enqueues by itself."""
    values = {"dsn": database.api, "redis_url": redis_urls["api"], "queue": f"unix:{tmp_path}/none", "queue_token": "-"}
    api = create_app(ApiSettings.model_validate(values))

    async def web(scope, receive, send):
        await (queue.service.public if scope["path"].startswith("/queue/") else api)(scope, receive, send)

    listener = open_listener("tcp:127.0.0.1:0")
    server = uvicorn.Server(uvicorn.Config(web, lifespan="off", log_config=None))
    async with api.router.lifespan_context(api):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
def cloche(address):
    """Call it with a command's words for its status and what it printed."""

    async def run(*words):
        result = await asyncio.to_thread(CliRunner().invoke, command, ["queue", *words, "--url", address])
        # The services of this process may log into what the runner catches.
        return result.exit_code, [line for line in result.stdout.splitlines() if not LOGGED.match(line)]

    return run


async def died(queue, owner, task, reason="engine_error"):
    await queue.enqueue(task)
    for _ in range(3):
        await owner.execute("UPDATE queue.task SET run_at = now()")
        await queue.fail(await queue.lease_one(), reason)
    return task.evaluation_id


async def test_stats_show_lanes_then_tenants(queue, cloche, make):
    await queue.enqueue(*[make.task("default") for _ in range(3)])
    await queue.lease(1)
    status, lines = await cloche("stats")
    rows = [line.split("\t")[:6] for line in lines]
    assert status == 0
    assert rows == [
        ["interactive", "", "open", "2", "0", "1"],
        ["batch", "", "open", "0", "0", "0"],
        ["interactive", "default", "", "2", "0", "1"],
    ]
    assert json.loads((await cloche("stats", "--json"))[1][0])["queued"] == 2


async def test_a_lane_is_paused_and_resumed(queue, cloche, make):
    await queue.enqueue(make.task("default", lane="batch"))
    assert await cloche("pause", "batch") == (0, ["Lane batch is paused: 1 wait, 0 run."])
    assert await queue.lease() == []
    assert await cloche("resume", "batch") == (0, ["Lane batch is open: 1 wait, 0 run."])
    assert len(await queue.lease()) == 1
    assert (await cloche("pause", "vip"))[0] == 5


async def test_dead_letters_are_listed_and_deleted_by_reason(queue, cloche, make, owner):
    kept = await died(queue, owner, make.task("default"), "cell_jammed")
    gone = await died(queue, owner, make.task("default"))
    _, lines = await cloche("dead", "list")
    assert [line.split("\t")[0] for line in lines] == [str(gone), str(kept)]
    assert lines[0].split("\t")[3:] == ["3", "engine_error", "1: engine_error; 2: engine_error; 3: engine_error"]
    assert await cloche("dead", "delete", "--reason", "engine_error") == (0, ["1 dead letters deleted."])
    _, (left,) = await cloche("dead", "list", "--json")
    assert json.loads(left)["evaluation_id"] == str(kept)
    assert (await cloche("dead", "delete"))[0] == 2
    assert (await cloche("dead", "delete", str(kept), "--all"))[0] == 2


async def test_replayed_letters_are_new_evaluations_and_off_the_list(queue, cloche, make, owner, address):
    request = EvaluationRequest(runtime="python", source="print(1)")
    async with AsyncClient(address) as client:
        old = (await client.submit(request)).id
        await died(queue, owner, make.task("default", evaluation_id=old))
        unknown = await died(queue, owner, make.task("default"))  # one whose evaluation is not there any more
        status, lines = await cloche("dead", "replay", "--all")
        (line,) = lines
        first, new = line.split("\t")
        assert (status, first) == (1, str(old))
        assert (await client.get(new)).rerun_of == old
        assert [letter.evaluation_id async for letter in client.dead_letters()] == [unknown]
        # Interrupted between its two steps and said again, it makes no second one.
        assert await cloche("dead", "replay", str(old)) == (0, [line])
