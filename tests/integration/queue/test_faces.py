"""Who may call what: service tokens, API keys, tenants, roles."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from cloche.kit.errors import ForbiddenError, InvalidRequestError, UnauthenticatedError
from cloche.kit.keys import new_key
from cloche.queue.internal_routes import internal_router

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs/reference/queue-internal.openapi.json").read_text())
PREFIX = "/queue/internal/v1"
#: Of each call of the document: its method, and whose token it wants.
CALLS = {
    path.removeprefix(PREFIX): (method.upper(), *operation["security"][0])
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def public(queue, **headers):
    transport = httpx.ASGITransport(queue.service.public, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.fixture
async def key(owner):
    """Call it for the header of a new key."""

    async def make(tenant, *scopes):
        key_id, whole, secret_hash = new_key()
        await owner.execute("INSERT INTO api_key VALUES ($1, $2, $3, $4)", key_id, secret_hash, tenant, list(scopes))
        return {"Authorization": f"Bearer {whole}"}

    return make


def test_every_internal_route_is_documented_with_its_caller():
    face: Any = None
    routes: Any = internal_router(face, {}).routes
    assert {route.path for route in routes} == {PREFIX + path for path in CALLS}
    assert {caller for _, caller in CALLS.values()} == {"api", "worker", "storage"}


@pytest.mark.parametrize("path", CALLS)
async def test_each_call_is_one_callers_only(queue, path):
    method, caller = CALLS[path]
    for other in {"api", "worker", "storage"} - {caller}:
        with pytest.raises(ForbiddenError):
            await queue.call(other, method, path)
    if method == "POST":
        with pytest.raises(InvalidRequestError):
            await queue.call(caller, method, path)
    response = await queue.http.request(method, f"/queue/internal/v1{path}")
    assert response.status_code == 401
    response = await queue.http.request(method, f"/queue/internal/v1{path}", headers={"Authorization": "Bearer x"})
    assert response.status_code == 401


async def test_the_public_face_has_no_internal_route(queue):
    async with public(queue) as http:
        for path in CALLS:
            for method in ("GET", "POST"):
                response = await http.request(method, f"/queue/internal/v1{path}")
                assert response.status_code == 404
        paths = (await http.get("/queue/v1/openapi.json")).json()["paths"]
    assert not [path for path in paths if "internal" in path]


async def test_the_internal_face_has_no_public_route(queue):
    assert (await queue.http.get("/queue/v1/stats")).status_code == 404


async def test_people_see_their_own_tenant_only(start_queue, make, key):
    async with start_queue(require_keys=True) as queue:
        mine, theirs = make.task("mine"), make.task("theirs")
        await queue.enqueue(mine, theirs, make.task("theirs"))
        async with public(queue, **await key("mine", "read")) as http:
            assert (await http.get(f"/queue/v1/tasks/{mine.evaluation_id}")).json()["state"] == "queued"
            assert (await http.get(f"/queue/v1/tasks/{theirs.evaluation_id}")).status_code == 404
            assert (await http.get("/queue/v1/stats")).json()["queued"] == 1
            assert (await http.post("/queue/v1/lanes/batch/pause")).status_code == 403
            assert (await http.post("/queue/v1/dead:dismiss", json={"evaluation_ids": []})).status_code == 403
        async with public(queue, **await key("ops", "read", "operate")) as http:
            assert (await http.get("/queue/v1/stats")).json()["queued"] == 3
        async with public(queue) as http:
            assert (await http.get("/queue/v1/stats")).status_code == 401
        for task in await queue.lease():
            await queue.complete(task)
        async with public(queue, **await key("mine", "read")) as http:
            assert (await http.get(f"/queue/v1/tasks/{mine.evaluation_id}")).json()["state"] == "done"
            assert (await http.get(f"/queue/v1/tasks/{theirs.evaluation_id}")).status_code == 404


async def test_a_foreign_page_can_do_nothing_without_keys(queue):
    async with public(queue, Origin="http://evil.example") as http:
        assert (await http.post("/queue/v1/lanes/batch/pause")).status_code == 403
    async with public(queue, Host="evil.example") as http:
        assert (await http.get("/queue/v1/stats")).status_code == 403


async def test_a_paused_lane_gives_nothing_and_says_so(queue, make):
    tasks = [make.task("default", lane="batch", priority=p) for p in (2, 1)]
    await queue.enqueue(*tasks)
    async with public(queue) as http:
        paused = (await http.post("/queue/v1/lanes/batch/pause")).json()
        assert (paused["paused"], paused["queued"]) == (True, 2)
        assert await queue.lease() == []
        view = (await http.get(f"/queue/v1/tasks/{tasks[1].evaluation_id}")).json()
        assert (view["waiting_for"], view["position"]) == ("lane batch is paused", 2)
        await http.post("/queue/v1/lanes/batch/resume")
        view = (await http.get(f"/queue/v1/tasks/{tasks[1].evaluation_id}")).json()
        assert view["waiting_for"] == "1 task ahead"
        assert len(await queue.lease()) == 2
        view = (await http.get(f"/queue/v1/tasks/{tasks[1].evaluation_id}")).json()
        assert (view["state"], view["worker"], view["attempt"]) == ("running", "w1", 1)
        assert (await http.post("/queue/v1/lanes/vip/pause")).status_code == 404


async def test_unplaceable_work_waits_and_says_for_what(queue, make):
    task = make.task("default", runtime="java@21", isolation="gvisor")
    await queue.enqueue(task)
    await queue.lease()
    async with public(queue) as http:
        view = (await http.get(f"/queue/v1/tasks/{task.evaluation_id}")).json()
    assert view["waiting_for"] == "no executor offers java@21 at gvisor"


async def test_stats_count_what_waits_runs_finished_and_died(queue, make):
    await queue.enqueue(*[make.task("default") for _ in range(4)])
    first, second, third = await queue.lease(3)
    await queue.complete(first)
    await queue.complete(second, make.record(second, "internal_error"))
    async with public(queue) as http:
        stats = (await http.get("/queue/v1/stats")).json()
        assert (stats["queued"], stats["running"], stats["dead"], stats["finished_last_minute"]) == (1, 1, 1, 2)
        assert 0 <= stats["wait_p50_s"] <= stats["wait_p95_s"] < 60
        assert [lane["lane"] for lane in stats["lanes"]] == ["interactive", "batch"]
        assert stats["lanes"][0]["oldest_age_s"] >= 0
        (dead,) = (await http.get("/queue/v1/dead")).json()["items"]
    assert (dead["evaluation_id"], dead["attempts"]) == (str(second.evaluation_id), 1)
    assert (await queue.heartbeat(third)).extended


async def test_dead_letters_come_in_pages_newest_first(queue, make):
    await queue.enqueue(*[make.task("default") for _ in range(5)])
    died = []
    for leased in await queue.lease(5):
        await queue.complete(leased, make.record(leased, "internal_error"))
        died.append(str(leased.evaluation_id))
    found, after = [], None
    async with public(queue) as http:
        while True:
            page = (await http.get("/queue/v1/dead", params={"limit": 2, **({"after": after} if after else {})})).json()
            found += [item["evaluation_id"] for item in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert (await http.get("/queue/v1/dead", params={"after": "nonsense"})).status_code == 422
    assert found == died[::-1]


async def test_executors_are_kept_as_reported_and_stale_after_goodbye(queue, make):
    offers = [make.offer("e1"), make.offer("e2", healthy=False)]
    await queue.lease(0, offers=offers)
    seen = (await queue.call("api", "GET", "/executors")).json()["executors"]
    assert [(e["worker"], e["offer"]["name"], e["offer"]["healthy"], e["stale"]) for e in seen] == [
        ("w1", "e1", True, False),
        ("w1", "e2", False, False),
    ]
    await queue.goodbye()
    seen = (await queue.call("api", "GET", "/executors")).json()["executors"]
    assert [e["stale"] for e in seen] == [True, True]


async def test_the_queues_role_can_read_keys_and_its_own_schema_only(queue, database):
    connection = await asyncpg.connect(database.queue)
    for table in ("evaluation", "submission", "output", "case_result", "verdict_record", "api_outbox"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM public.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE public.api_key SET tenant = 'x'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM queue.known")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE queue.result SET verdict = 'accepted'")
    await connection.fetch("SELECT * FROM public.api_key")
    await connection.close()


@pytest.mark.parametrize("role", ["api", "storage"])
async def test_no_other_role_reaches_the_queues_tables(queue, database, role):
    connection = await asyncpg.connect(getattr(database, role))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT * FROM queue.task")
    await connection.close()


async def test_unauthenticated_is_its_own_class(queue):
    response = await queue.http.get("/queue/internal/v1/results")
    assert response.json()["code"] == UnauthenticatedError.code
