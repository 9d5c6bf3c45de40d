"""Dead letters: each with its reason and history, on the list until it is dismissed."""

import asyncio

import httpx


def people(queue, **headers):
    transport = httpx.ASGITransport(queue.service.public, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


async def die(queue, owner, task, *reasons):
    """Fail ``task``'s attempts for these reasons; they follow at once."""
    await queue.enqueue(task)
    for number, reason in enumerate(reasons):
        await owner.execute("UPDATE queue.task SET run_at = now()")
        await queue.fail(await queue.lease_one(worker=f"w{number}"), reason)


async def test_a_dead_letter_tells_every_fault_that_led_to_it(queue, make, owner):
    task = make.task("default", lane="batch")
    await die(queue, owner, task, "engine_error", "worker_confused", "engine_gone")
    async with people(queue) as http:
        letter = (await http.get(f"/queue/v1/dead/{task.evaluation_id}")).json()
        (listed,) = (await http.get("/queue/v1/dead")).json()["items"]
    assert listed == letter
    assert (letter["reason"], letter["lane"], letter["attempts"]) == ("engine_gone", "batch", 3)
    told = [(f["attempt"], f["reason"], f["worker"]) for f in letter["history"]]
    assert told == [(1, "engine_error", "w0"), (2, "worker_confused", "w1"), (3, "engine_gone", "w2")]
    assert all(f["leased_at"] < f["ended_at"] and f["ended_at"].endswith("Z") for f in letter["history"])


async def test_history_keeps_the_last_faults_only(queue, make, owner):
    task = make.task("default")
    await queue.enqueue(task)
    for _ in range(25):
        await queue.goodbye(await queue.lease_one())
    leased = await queue.lease_one()
    await queue.complete(leased, make.record(leased, "internal_error"))
    async with people(queue) as http:
        letter = (await http.get(f"/queue/v1/dead/{task.evaluation_id}")).json()
    assert [f["attempt"] for f in letter["history"]] == [*range(6, 26), 26]
    assert letter["reason"] == "exit"


async def test_what_waited_too_long_says_that_it_was_never_leased(queue, make, owner):
    task = make.task("default", queue_timeout_s=0)
    await queue.enqueue(task)
    await queue.service.leasing._faults.reap_overdue()
    async with people(queue) as http, asyncio.timeout(20):
        # The service's own reaper may be at it.
        while (answer := await http.get(f"/queue/v1/dead/{task.evaluation_id}")).is_error:  # noqa: ASYNC110  (nobody rings)
            await asyncio.sleep(0.02)
        (fault,) = answer.json()["history"]
    assert (fault["reason"], fault["worker"], fault["leased_at"]) == ("queue_timeout", None, None)


async def test_a_dismissed_letter_is_off_the_list_and_its_result_stays(queue, make, owner):
    tasks = [make.task("default") for _ in range(3)]
    for task in tasks:
        await die(queue, owner, task, *["engine_error"] * 3)
    ids = [str(t.evaluation_id) for t in tasks]
    async with people(queue) as http:
        for expected in (2, 0):
            answer = await http.post("/queue/v1/dead:dismiss", json={"evaluation_ids": ids[:2]})
            assert answer.json() == {"dismissed": expected}
        left = (await http.get("/queue/v1/dead")).json()["items"]
        assert [item["evaluation_id"] for item in left] == ids[2:]
        assert (await http.get(f"/queue/v1/dead/{ids[0]}")).status_code == 404
        assert (await http.get("/queue/v1/stats")).json()["dead"] == 1
        assert (await http.get(f"/queue/v1/tasks/{ids[0]}")).json()["state"] == "done"
    assert len((await queue.results()).results) == 3


async def test_only_what_is_dead_can_be_dismissed(queue, make, owner):
    await queue.enqueue(make.task("default"))
    leased = await queue.lease_one()
    await queue.complete(leased)
    async with people(queue) as http:
        answer = await http.post("/queue/v1/dead:dismiss", json={"evaluation_ids": [str(leased.evaluation_id)]})
    assert answer.json() == {"dismissed": 0}
    assert await owner.fetchval("SELECT dismissed_at FROM queue.result") is None


async def test_letters_are_listed_by_reason(queue, make, owner):
    for reason in ("a_reason", "another"):
        await die(queue, owner, make.task("default"), *[reason] * 3)
    async with people(queue) as http:
        (letter,) = (await http.get("/queue/v1/dead", params={"reason": "another"})).json()["items"]
    assert letter["reason"] == "another"
