"""The path of one evaluation with every service real and the executor scripted."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .conftest import Platform
from .scripted_executor import TIERS, Run, ScriptedExecutor, finished, output, started, summary

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def submit(api: httpx.AsyncClient, source: str, wait: float = 30, **fields: Any) -> dict[str, Any]:
    answer = await api.post(
        "/api/v1/evaluations", params={"wait": wait}, json={"runtime": "python", "source": source, **fields}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def events(api: httpx.AsyncClient, evaluation_id: str, last: str | None = None) -> AsyncGenerator[dict[str, Any]]:
    headers = {"Last-Event-ID": last} if last else {}
    async with api.stream("GET", f"/api/v1/evaluations/{evaluation_id}/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if line == "":
                if "event" in event:
                    yield event
                event = {}
            elif name in {"id", "event"}:
                event[name] = value
            elif name == "data":
                event["data"] = json.loads(value)


async def all_events(api: httpx.AsyncClient, evaluation_id: str, last: str | None = None) -> list[dict[str, Any]]:
    return [event async for event in events(api, evaluation_id, last)]


def text_of(seen: list[dict[str, Any]], stream: str = "stdout") -> str:
    """What a reader has who clears its view for each retry."""
    retries = [place for place, event in enumerate(seen) if event["event"] == "evaluation.retried"]
    seen = seen[retries[-1] :] if retries else seen
    return "".join(e["data"]["text"] for e in seen if e["event"] == "output" and e["data"]["stream"] == stream)


@pytest.fixture
def quick(executor: ScriptedExecutor) -> str:
    async def run(run: Run) -> None:
        await run.say(started(), finished(b"hi\n"))

    executor.script["quick"] = run
    return "quick"


async def test_quick_run_is_stored_and_replayed_with_every_step(api: httpx.AsyncClient, quick: str):
    view = await submit(api, quick, name="n", labels={"model": "m1"})
    assert (view["status"], view["verdict"], view["attempts"]) == ("finished", "accepted", 1)
    assert view["stdout"] == {
        "text": "hi\n", "base64": None, "bytes": 3, "kept": 3, "shown": 3, "truncated": False, "missing": [],
    }  # fmt: skip
    assert all(view["timeline"][step] for step in ("created_at", "queued_at", "leased_at", "started_at", "stored_at"))
    seen = await all_events(api, view["id"])
    kinds = [event["event"] for event in seen]
    assert sorted(kinds[:-2]) == ["evaluation.leased", "evaluation.queued", "evaluation.started"]
    assert kinds[-2:] == ["output", "evaluation.finished"]
    assert seen[-1]["data"] == view
    ids = [event["id"] for event in seen if "id" in event]
    assert len(ids) >= 4
    assert len(set(ids)) == len(ids)


async def test_isolation_and_what_held_the_program_in_reach_the_answer(
    api: httpx.AsyncClient, executor: ScriptedExecutor
):
    features = ["seccomp", "landlock:7", "memory:sampled"]

    async def weak(run: Run) -> None:
        assert run.request["program"]["isolation"] == "process"
        evidence = {"source": "limit", "limit": "memory_bytes", "killed_by": "cloche", "killed_after_ms": 12.5}
        await run.say(
            started(isolation="process"),
            finished(
                isolation="process", isolation_features=features, verdict="memory_limit_exceeded", evidence=evidence
            ),
        )

    executor.script["weak"] = weak
    view = await submit(api, "weak", isolation="process")
    assert (view["isolation"], view["isolation_features"]) == ("process", features)
    assert view["isolation_note"] == "process: weaker than a namespace cell"
    assert (view["evidence"]["killed_by"], view["evidence"]["killed_after_ms"]) == ("cloche", 12.5)


async def test_executors_are_shown_with_what_their_self_tests_found(api: httpx.AsyncClient):
    (seen,) = (await api.get("/api/v1/executors")).json()["executors"]
    assert seen["offer"]["tiers"] == TIERS


async def test_what_names_no_isolation_demands_a_namespace(api: httpx.AsyncClient, quick: str):
    view = await submit(api, quick, network="loopback")
    assert (view["program"]["isolation"], view["isolation"]) == ("namespace", "namespace")
    assert (view["isolation_note"], view["program"]["network"]) == (None, "loopback")


async def test_watcher_sees_output_while_the_program_runs(api: httpx.AsyncClient, executor: ScriptedExecutor):
    go_on = asyncio.Event()

    async def slow(run: Run) -> None:
        await run.say(started(), output(b"first\n", 0))
        await go_on.wait()
        await run.say(output(b"second\n", 6), finished(b"first\nsecond\n", inline=False))

    executor.script["slow"] = slow
    view = await submit(api, "slow", wait=0)
    seen: list[dict[str, Any]] = []
    async for event in events(api, view["id"]):
        seen.append(event)
        if event["event"] == "output":
            go_on.set()
    assert text_of(seen) == "first\nsecond\n"
    assert seen[-1]["data"]["verdict"] == "accepted"


async def test_resuming_at_any_event_gives_exactly_the_rest(api: httpx.AsyncClient, executor: ScriptedExecutor):
    async def chatty(run: Run) -> None:
        await run.say(started())
        for n in range(10):
            await run.say(output(f"{n}\n".encode(), 2 * n))
        tail = b"".join(b"%d\n" % n for n in range(10)) + b"tail"
        await run.say(output(b"e", 0, "stderr"), finished(tail, stderr=summary(b"e")))

    executor.script["chatty"] = chatty
    view = await submit(api, "chatty")
    whole = await all_events(api, view["id"])
    assert text_of(whole) == "".join(f"{n}\n" for n in range(10)) + "tail"
    assert text_of(whole, "stderr") == "e"
    for place, event in enumerate(whole[:-1]):
        if "id" not in event:  # told late: the bus had a later attempt already
            assert event["event"] == "evaluation.queued"
            continue
        assert await all_events(api, view["id"], event["id"]) == whole[place + 1 :], event


async def test_idempotency_key_repeats_the_same_evaluation(api: httpx.AsyncClient, quick: str):
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"runtime": "python", "source": quick}
    first, second = await asyncio.gather(
        *(api.post("/api/v1/evaluations", json=body, headers=headers, params={"wait": 20}) for _ in range(2))
    )
    assert first.status_code == second.status_code == 201
    assert first.json()["id"] == second.json()["id"]
    other = await api.post("/api/v1/evaluations", json={**body, "stdin": "x"}, headers=headers)
    assert other.status_code == 422


async def test_running_evaluation_is_cancelled_and_keeps_its_output(api: httpx.AsyncClient, executor: ScriptedExecutor):
    async def endless(run: Run) -> None:
        await run.say(started(), output(b"so far", 0))
        await run.killed.wait()
        evidence = {"source": "cancel"}
        await run.say(finished(b"so far", inline=False, verdict="cancelled", evidence=evidence, exit_code=None))

    executor.script["endless"] = endless
    view = await submit(api, "endless", wait=0)
    async for event in events(api, view["id"]):
        if event["event"] == "output":
            for _ in range(2):
                assert (await api.post(f"/api/v1/evaluations/{view['id']}/cancel")).status_code == 202
    done = (await api.get(f"/api/v1/evaluations/{view['id']}")).json()
    assert (done["status"], done["verdict"], done["stdout"]["text"]) == ("finished", "cancelled", "so far")


async def test_queued_evaluation_is_cancelled_without_running(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform
):
    release = asyncio.Event()

    async def block(run: Run) -> None:
        await run.say(started())
        await release.wait()
        await run.say(finished())

    executor.script["block"] = block
    blockers = [await submit(api, "block", wait=0) for _ in range(executor.slots + 8)]
    last = blockers[-1]["id"]
    await api.post(f"/api/v1/evaluations/{last}/cancel")
    done = (await api.get(f"/api/v1/evaluations/{last}", params={"wait": 20})).json()
    assert (done["verdict"], done["attempts"]) == ("cancelled", 0)
    release.set()
    for blocker in blockers[:-1]:
        assert (await api.get(f"/api/v1/evaluations/{blocker['id']}", params={"wait": 20})).json()["verdict"]


async def test_platform_fault_is_retried_and_watchers_are_told(api: httpx.AsyncClient, executor: ScriptedExecutor):
    tries = 0

    async def flaky(run: Run) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await run.say(started(), output(b"lost ", 0))
            await asyncio.sleep(0.3)
            await run.say({"type": "failed", "reason": "engine_error", "started": True, "message": "x"})
        else:
            await run.say(started(), finished(b"kept"))

    executor.script["flaky"] = flaky
    view = await submit(api, "flaky", wait=0)
    seen = await all_events(api, view["id"])
    kinds = [event["event"] for event in seen]
    assert kinds.count("evaluation.retried") == 1
    after = seen[kinds.index("evaluation.retried") :]
    assert text_of(after) == "kept"
    assert (seen[-1]["data"]["attempts"], seen[-1]["data"]["stdout"]["text"]) == (2, "kept")


async def test_rerun_is_a_new_evaluation_of_the_same_program(api: httpx.AsyncClient, quick: str):
    first = await submit(api, quick, name="again", labels={"a": "b"})
    answer = await api.post(f"/api/v1/evaluations/{first['id']}/rerun", params={"wait": 20})
    assert answer.status_code == 201
    second = answer.json()
    assert (second["rerun_of"], second["name"], second["labels"]) == (first["id"], "again", {"a": "b"})
    assert second["program"] == first["program"]


async def test_list_filters_and_pages(api: httpx.AsyncClient, quick: str):
    tag = uuid4().hex
    ids = [(await submit(api, quick, name=f"{tag} {n}", labels={"tag": tag, "n": str(n)}))["id"] for n in range(5)]
    found: list[str] = []
    cursor = None
    while True:
        params = {"label": f"tag:{tag}", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/api/v1/evaluations", params=params)).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ids[::-1]
    for params, count in (
        ({"name": f"{tag} 3"}, 1),
        ({"label": f"tag:{tag}", "verdict": "accepted"}, 5),
        ({"label": f"tag:{tag}", "verdict": "wrong_answer"}, 0),
        ({"label": f"tag:{tag}", "runtime": "python"}, 5),
        ({"label": f"tag:{tag}", "runtime": "java"}, 0),
        ({"label": f"tag:{tag}", "created_after": "2020-01-01T00:00:00Z"}, 5),
        ({"label": f"tag:{tag}", "created_before": "2020-01-01T00:00:00Z"}, 0),
    ):
        items = (await api.get("/api/v1/evaluations", params=params)).json()["items"]
        assert len(items) == count, params


async def test_raw_output_honours_ranges(api: httpx.AsyncClient, executor: ScriptedExecutor):
    data = bytes(range(256)) * 300

    async def binary(run: Run) -> None:
        await run.say(started())
        for at in range(0, len(data), 30_000):
            await run.say(output(data[at : at + 30_000], at))
        await run.say(finished(data, inline=False))

    executor.script["binary"] = binary
    view = await submit(api, "binary")
    assert view["stdout"]["text"] is None
    assert view["stdout"]["base64"]
    url = f"/api/v1/evaluations/{view['id']}/output/stdout"
    whole = await api.get(url)
    assert (whole.status_code, whole.content) == (200, data)
    assert whole.headers["content-type"].startswith("text/plain")
    part = await api.get(url, headers={"Range": "bytes=29990-60010"})
    assert (part.status_code, part.content) == (206, data[29990:60011])
    assert part.headers["content-range"] == f"bytes 29990-60010/{len(data)}"
    assert (await api.get(url, headers={"Range": f"bytes={len(data)}-"})).status_code == 416


async def test_several_evaluations_and_the_list_on_one_connection(api: httpx.AsyncClient, quick: str):
    one, two = await submit(api, quick), await submit(api, quick)
    async with api.stream("GET", "/api/v1/events", params={"evaluation": [one["id"], two["id"]]}) as stream:
        data = [json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: ")]
    lines = [one["evaluation_id"] for one in data]
    assert set(lines) == {one["id"], two["id"]}
    async with api.stream("GET", "/api/v1/events", params={"topic": "list"}) as stream:
        third = asyncio.create_task(submit(api, quick))
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                assert (await third)["id"] in json.loads(line[6:])["evaluation_ids"]
                break


async def test_multiplexed_events_carry_output_unchanged(api: httpx.AsyncClient, executor: ScriptedExecutor):
    data = b'{"a": [1,], "b": {2,}}'

    async def braces(run: Run) -> None:
        await run.say(started(), finished(data))

    executor.script["braces"] = braces
    view = await submit(api, "braces")
    async with api.stream("GET", "/api/v1/events", params={"evaluation": view["id"]}) as stream:
        bodies = [json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: ")]
    assert [body["text"] for body in bodies if "text" in body] == [data.decode()]


async def test_watcher_that_leaves_a_merged_stream_leaves_nothing_behind(
    api: httpx.AsyncClient, executor: ScriptedExecutor, platform: Platform
):
    go_on = asyncio.Event()

    async def waits(run: Run) -> None:
        await run.say(started(), output(b"x", 0))
        await go_on.wait()
        await run.say(finished(b"x"))

    executor.script["waits"] = waits
    views = [await submit(api, "waits", wait=0) for _ in range(3)]
    for _ in range(5):
        params = {"evaluation": [view["id"] for view in views], "topic": "list"}
        async with api.stream("GET", "/api/v1/events", params=params) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: output"):
                    break
    async with asyncio.timeout(20):
        while "cloche_api_event_streams 0.0" not in (await api.get("/metrics")).text:  # noqa: ASYNC110  (another process counts)
            await asyncio.sleep(0.1)
    go_on.set()
    for view in views:
        assert (await api.get(f"/api/v1/evaluations/{view['id']}", params={"wait": 20})).json()["verdict"] == "accepted"
