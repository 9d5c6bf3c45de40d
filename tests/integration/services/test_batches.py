"""A batch on its way through every service, the executor scripted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .scripted_executor import Run, ScriptedExecutor, finished, started

pytestmark = pytest.mark.asyncio(loop_scope="module")

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def answers(executor: ScriptedExecutor) -> None:
    """Programs that are named after the verdict they earn."""

    def ends(**changes: Any) -> Any:
        async def run(run: Run) -> None:
            await run.say(started(), finished(b"", usage=USAGE, **changes))

        return run

    executor.script["right"] = ends()
    executor.script["wrong"] = ends(verdict="runtime_error", exit_code=1)
    executor.script["broken"] = ends(verdict="internal_error", evidence={"source": "platform"})


USAGE = {"wall_time_ms": 12.5, "cpu_time_ms": 10.0, "peak_memory_bytes": 9_437_184}


def lines(*objects: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def problem(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "runtime": "python", **more}


def evaluation(key: str, source: str, **more: Any) -> dict[str, Any]:
    return {"problem": key, "source": source, **more}


async def submit(api: httpx.AsyncClient, body: Any, **options: Any) -> dict[str, Any]:
    if isinstance(body, dict):
        answer = await api.post("/api/v1/batches", json=body, **options)
    else:
        answer = await api.post("/api/v1/batches", content=body, headers=NDJSON, **options)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def settled(api: httpx.AsyncClient, batch_id: str, status: str = "complete") -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            batch = (await api.get(f"/api/v1/batches/{batch_id}")).json()
            if batch["status"] == status:
                return batch
            await asyncio.sleep(0.1)


async def samples(api: httpx.AsyncClient, batch_id: str, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        parameters = {**wanted, "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await api.get(f"/api/v1/batches/{batch_id}/evaluations", params=parameters)).json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


TWO_PROBLEMS = {
    "name": "two",
    "k": [1, 2],
    "problems": [problem("a"), problem("b")],
    "evaluations": [
        evaluation("a", "right"),
        evaluation("a", "wrong"),
        evaluation("b", "broken"),
        evaluation("b", "right"),
    ],
}


async def test_batch_is_run_and_counted(api: httpx.AsyncClient, answers: None):
    accepted = await submit(api, TWO_PROBLEMS)
    assert (accepted["total"], accepted["lane"]) == (4, "batch")
    batch = await settled(api, accepted["id"])
    assert batch["verdicts"] == {"accepted": 2, "runtime_error": 1, "internal_error": 1}
    assert (batch["finished"], batch["ungradable"], batch["waiting"]) == (4, 1, 0)
    first, second = batch["pass_at_k"]
    assert (first["k"], first["value"], first["problems"], first["left_out"]) == (1, 0.75, 2, 0)
    assert (second["k"], second["value"], second["problems"], second["left_out"]) == (2, 1.0, 1, 1)
    assert batch["wall_time_ms"]["count"] == 3
    assert 12.5 <= batch["wall_time_ms"]["p50"] <= 12.5 * 1.19
    assert 9_437_184 <= batch["peak_memory_bytes"]["largest"] <= 9_437_184 * 1.19
    problems = (await api.get(f"/api/v1/batches/{batch['id']}/problems")).json()["items"]
    assert [(p["key"], p["n"], p["c"], p["ungradable"]) for p in problems] == [("a", 2, 1, 0), ("b", 1, 1, 1)]
    found = await samples(api, batch["id"])
    assert [(s["problem"], s["sample"], s["verdict"]) for s in found] == [
        ("a", 0, "accepted"),
        ("a", 1, "runtime_error"),
        ("b", 0, "internal_error"),
        ("b", 1, "accepted"),
    ]
    assert batch["id"] in [b["id"] for b in (await api.get("/api/v1/batches")).json()["items"]]


async def test_program_of_a_sample_is_whole_where_it_is_run_and_read(
    api: httpx.AsyncClient, executor: ScriptedExecutor
):
    marker = uuid4().hex
    shared = problem("a", prefix="# before\n", suffix=f"\n# {marker}", files=[{"path": "data.txt", "content": "d"}])
    shared["cases"] = [{"stdin": "1", "expected_stdout": "1"}]
    whole = f"# before\nx = 1\n# {marker}"

    async def run(run: Run) -> None:
        await run.say(started(), finished(b"", cases=[{"index": 0, "name": "", "verdict": "accepted"}]))

    executor.script[whole] = run
    batch = await submit(api, {"problems": [shared], "evaluations": [evaluation("a", "x = 1")]})
    await settled(api, batch["id"])
    (sample,) = await samples(api, batch["id"])
    view = (await api.get(f"/api/v1/evaluations/{sample['id']}")).json()
    assert {f["path"]: f["content"] for f in view["program"]["files"]} == {"main.py": whole, "data.txt": "d"}
    assert view["program"]["cases"][0]["expected_stdout"] == "1"
    asked = [r.request for r in executor.runs if marker in json.dumps(r.request)]
    assert asked[0]["program"]["cases"][0]["stdin"] == "1"


async def test_first_verdicts_come_while_the_upload_still_runs(api: httpx.AsyncClient, answers: None):
    arrived = asyncio.Event()
    key = uuid4().hex

    async def body() -> AsyncIterator[bytes]:
        yield lines({"name": key}, {"problem": problem("a")})
        yield lines(*(evaluation("a", "right") for _ in range(600)))
        await asyncio.wait_for(arrived.wait(), 60)
        yield lines(*(evaluation("a", "right") for _ in range(5)))

    uploading = asyncio.create_task(submit(api, body()))
    async with asyncio.timeout(60):
        while True:
            seen = [b for b in (await api.get("/api/v1/batches")).json()["items"] if b["name"] == key]
            if seen and seen[0]["finished"]:
                break
            await asyncio.sleep(0.1)
    assert seen[0]["status"] == "receiving"
    arrived.set()
    batch = await settled(api, (await uploading)["id"])
    assert batch["verdicts"] == {"accepted": 605}


def upload_of(count: int, bad: Iterable[int] = ()) -> list[bytes]:
    """A head, a problem and evaluations; the lines that are counted in ``bad`` are not JSON."""
    whole = [{"name": uuid4().hex}, {"problem": problem("a")}, *(evaluation("a", "right") for _ in range(count))]
    return [b"{\n" if number in bad else lines(line) for number, line in enumerate(whole, 1)]


async def post(api: httpx.AsyncClient, body: Any, **options: Any) -> httpx.Response:
    return await api.post("/api/v1/batches", content=body, headers={**NDJSON, **options.pop("headers", {})}, **options)


async def named(api: httpx.AsyncClient, name: str) -> list[dict[str, Any]]:
    return [b for b in (await api.get("/api/v1/batches")).json()["items"] if b["name"] == name]


async def test_malformed_line_early_on_leaves_nothing_behind(api: httpx.AsyncClient, answers: None):
    body = upload_of(20, bad=[7])
    answer = await post(api, b"".join(body))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "line 7"
    assert await named(api, json.loads(body[0])["name"]) == []


async def test_malformed_line_late_refuses_all_that_came_before(api: httpx.AsyncClient, answers: None):
    body = upload_of(700, bad=[690])
    answer = await post(api, b"".join(body))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Line 690: ")
    (batch,) = await named(api, json.loads(body[0])["name"])
    assert batch["id"] in answer.json()["detail"]
    ended = await settled(api, batch["id"], "refused")
    assert ended["refused"].startswith("Line 690: ")
    async with asyncio.timeout(60):
        while ended["finished"] < ended["total"]:
            await asyncio.sleep(0.1)
            ended = (await api.get(f"/api/v1/batches/{batch['id']}")).json()
    assert ended["total"] == 498  # a chunk has 500 lines, head and problem among them
    assert set(ended["verdicts"]) <= {"cancelled", "accepted"}


async def test_partial_upload_takes_the_rest_and_lists_what_was_wrong(api: httpx.AsyncClient, answers: None):
    body = upload_of(30, bad=[7, 20])
    body.append(lines(evaluation("nobody", "right"), evaluation("a", "right", sample=3)))
    answer = await post(api, b"".join(body), params={"partial": True})
    assert answer.status_code == 201, answer.text
    batch = await settled(api, answer.json()["id"])
    assert (batch["total"], batch["bad_line_count"]) == (28, 4)
    assert [bad["line"] for bad in batch["bad_lines"]] == [7, 20, 33, 34]


@pytest.mark.parametrize("kind", ["json", "ndjson"])
async def test_place_taken_twice_is_refused(api: httpx.AsyncClient, answers: None, kind: str):
    twice = [evaluation("a", "right", sample=1), evaluation("a", "wrong", sample=1)]
    if kind == "json":
        answer = await api.post("/api/v1/batches", json={"problems": [problem("a")], "evaluations": twice})
    else:
        answer = await post(api, lines({}, {"problem": problem("a")}, *twice))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == ("evaluations.1" if kind == "json" else "line 4")


async def test_broken_upload_goes_on_where_it_ended(api: httpx.AsyncClient, answers: None):
    body, key = upload_of(800), {"Idempotency-Key": uuid4().hex}
    name = json.loads(body[0])["name"]

    async def breaks() -> AsyncIterator[bytes]:
        yield b"".join(body[:600])
        async with asyncio.timeout(60):
            while not await named(api, name):  # noqa: ASYNC110  (what another process stores)
                await asyncio.sleep(0.05)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await post(api, breaks(), headers=key)
    ids = set[str]()
    for _ in range(2):
        answer = await post(api, b"".join(body), headers=key)
        assert answer.status_code == 201, answer.text
        ids.add(answer.json()["id"])
    (batch_id,) = ids
    batch = await settled(api, batch_id)
    assert (batch["total"], batch["verdicts"]) == (800, {"accepted": 800})
    for other in (b"".join(body[:700]), b"".join(body) + lines(evaluation("a", "right")), lines({}, *[{}] * 900)):
        assert (await post(api, other, headers=key)).status_code == 422
    assert len(await named(api, name)) == 1


async def test_upload_that_breaks_off_without_a_key_is_refused(api: httpx.AsyncClient, answers: None):
    body = upload_of(600)
    name = json.loads(body[0])["name"]

    async def breaks() -> AsyncIterator[bytes]:
        yield b"".join(body[:550])
        async with asyncio.timeout(60):
            while not await named(api, name):  # noqa: ASYNC110  (what another process stores)
                await asyncio.sleep(0.05)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await post(api, breaks())
    (batch,) = await named(api, name)
    ended = await settled(api, batch["id"], "refused")
    assert ended["refused"] == "The upload broke off."


async def test_two_uploads_of_one_batch_at_once_make_one(api: httpx.AsyncClient, answers: None):
    body, key = b"".join(upload_of(900)), {"Idempotency-Key": uuid4().hex}
    given = await asyncio.gather(*(post(api, body, headers=key) for _ in range(3)))
    assert [answer.status_code for answer in given] == [201] * 3, [answer.text for answer in given]
    assert len({answer.json()["id"] for answer in given}) == 1
    batch = await settled(api, given[0].json()["id"])
    assert batch["verdicts"] == {"accepted": 900}


async def test_stored_problem_is_shared_by_its_content(api: httpx.AsyncClient, answers: None):
    body = {"key": uuid4().hex, "cases": [{"stdin": "1", "expected_stdout": "1"}], "limits": {"wall_time_s": 2}}
    first = await api.post("/api/v1/problems", json=body)
    again = await api.post("/api/v1/problems", json=dict(reversed(body.items())))
    assert (first.status_code, again.json()) == (201, first.json())
    stored = first.json()
    assert (await api.get(first.headers["Location"])).json() == stored
    assert (stored["body"], stored["cases"]) == (body, 1)
    batch = await submit(
        api,
        {
            "defaults": {"runtime": "python"},
            "problems": [{"id": stored["id"]}, {"id": stored["id"], "key": "other"}],
            "evaluations": [evaluation(body["key"], "right"), evaluation("other", "right", limits={"processes": 3})],
        },
    )
    first_sample, second = await samples(api, batch["id"])
    program = (await api.get(f"/api/v1/evaluations/{first_sample['id']}")).json()["program"]
    assert (program["limits"]["wall_time_s"], len(program["cases"])) == (2, 1)
    limits = (await api.get(f"/api/v1/evaluations/{second['id']}")).json()["program"]["limits"]
    assert (limits["wall_time_s"], limits["processes"]) == (2, 3)


async def test_cancelled_batch_ends_and_its_rest_never_runs(
    api: httpx.AsyncClient, answers: None, executor: ScriptedExecutor
):
    gate = asyncio.Event()

    async def held(run: Run) -> None:
        await run.say(started())
        await asyncio.wait([asyncio.create_task(one.wait()) for one in (gate, run.killed)],
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        await run.say(finished(b""))

    source = uuid4().hex
    executor.script[source] = held
    batch = await submit(api, {"problems": [problem("a")], "evaluations": [evaluation("a", source)] * 300})
    async with asyncio.timeout(60):
        while not any(source in json.dumps(run.request) for run in executor.runs):  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.05)
    for _ in range(2):
        assert (await api.post(f"/api/v1/batches/{batch['id']}/cancel")).status_code == 202
    gate.set()
    ended = await settled(api, batch["id"], "cancelled")
    assert ended["ungradable"] + ended["verdicts"].get("accepted", 0) == 300
    assert ended["verdicts"]["cancelled"] >= 200
    ran = [run for run in executor.runs if source in json.dumps(run.request)]
    assert len(ran) < 100
    assert all(s["verdict"] for s in await samples(api, batch["id"]))


async def test_paused_batch_waits_until_it_is_resumed(api: httpx.AsyncClient, answers: None):
    batch = await submit(api, {"problems": [problem("a")], "evaluations": [evaluation("a", "right")] * 2000})
    paused = await api.post(f"/api/v1/batches/{batch['id']}/pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    before = -1
    async with asyncio.timeout(90):  # what the queue was told still ends; then nothing more does
        while before != (now := (await api.get(f"/api/v1/batches/{batch['id']}")).json()["finished"]):
            before = now
            await asyncio.sleep(3)
    assert before < 2000
    assert (await api.post(f"/api/v1/batches/{batch['id']}/resume")).json()["status"] == "running"
    assert (await settled(api, batch["id"]))["verdicts"] == {"accepted": 2000}
    assert (await api.post(f"/api/v1/batches/{batch['id']}/pause")).status_code == 409


async def rerun(api: httpx.AsyncClient, batch_id: str, which: str) -> httpx.Response:
    return await api.post(f"/api/v1/batches/{batch_id}/rerun", json={"which": which})


async def test_platform_faults_are_run_again_in_their_places(
    api: httpx.AsyncClient, answers: None, executor: ScriptedExecutor
):
    batch = await submit(api, TWO_PROBLEMS)
    first = await settled(api, batch["id"])
    (faulty,) = [s for s in await samples(api, batch["id"]) if s["verdict"] == "internal_error"]
    executor.script["broken"] = executor.script["right"]
    answer = await rerun(api, batch["id"], "ungradable")
    assert (answer.status_code, answer.json()["id"]) == (201, batch["id"])
    again = await settled(api, batch["id"])
    assert again["verdicts"] == {"accepted": 3, "runtime_error": 1}
    assert (first["ungradable"], again["ungradable"], again["finished"]) == (1, 0, 4)
    (place,) = [s for s in await samples(api, batch["id"]) if s["rerun_of"]]
    assert (place["rerun_of"], place["sample"], place["problem"]) == (faulty["id"], 0, "b")
    assert (await rerun(api, batch["id"], "ungradable")).status_code == 422
    assert (await api.get(f"/api/v1/evaluations/{faulty['id']}")).json()["verdict"] == "internal_error"


async def test_failed_ones_are_run_again_as_a_new_batch(api: httpx.AsyncClient, answers: None):
    batch = await submit(api, TWO_PROBLEMS)
    assert (await rerun(api, batch["id"], "failed")).status_code == 409
    await settled(api, batch["id"])
    answer = await rerun(api, batch["id"], "failed")
    assert (answer.status_code, answer.json()["rerun_of"]) == (201, batch["id"])
    again = await settled(api, answer.json()["id"])
    assert again["verdicts"] == {"runtime_error": 1}
    assert (await settled(api, batch["id"]))["finished"] == 4


async def test_deleted_batch_is_gone_with_its_evaluations(api: httpx.AsyncClient, answers: None):
    batch = await submit(api, TWO_PROBLEMS)
    await settled(api, batch["id"])
    assert (await api.delete(f"/api/v1/batches/{batch['id']}")).status_code == 204
    assert (await api.get(f"/api/v1/batches/{batch['id']}")).status_code == 404
    assert (await api.delete(f"/api/v1/batches/{batch['id']}")).status_code == 404


async def test_evaluation_of_a_batch_goes_only_with_it(api: httpx.AsyncClient, answers: None):
    batch = await submit(api, TWO_PROBLEMS)
    await settled(api, batch["id"])
    found = await samples(api, batch["id"])
    assert (await api.delete(f"/api/v1/evaluations/{found[0]['id']}")).status_code == 409
    alone = await api.post("/api/v1/evaluations?wait=30", json={"runtime": "python", "source": "right"})
    path = f"/api/v1/evaluations/{alone.json()['id']}"
    assert [(await api.delete(path)).status_code for _ in range(2)] == [204, 404]


async def test_progress_is_told_until_the_batch_is_complete(api: httpx.AsyncClient, answers: None):
    batch = await submit(api, {"problems": [problem("a")], "evaluations": [evaluation("a", "right")] * 50})
    seen: list[tuple[str, dict[str, Any]]] = []
    async with asyncio.timeout(60), api.stream("GET", f"/api/v1/batches/{batch['id']}/events") as stream:
        event = ""
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                seen.append((event, json.loads(value)))
    assert [event for event, _ in seen][-2:] == ["batch.progress", "batch.finished"]
    finished_counts = [data["finished"] for _, data in seen]
    assert finished_counts == sorted(finished_counts)
    assert seen[-1][1] == {**(await settled(api, batch["id"])), "finished_at": seen[-1][1]["finished_at"]}


async def test_several_batches_are_watched_on_one_connection(api: httpx.AsyncClient, answers: None):
    ids = [(await submit(api, TWO_PROBLEMS))["id"] for _ in range(2)]
    async with asyncio.timeout(60):
        text = (await api.get("/api/v1/events", params={"batch": ids})).text
    ended = [event for event in text.split("\n\n") if "event: batch.finished" in event]
    assert {one for one in ids for event in ended if one in event} == set(ids)
    assert (await api.get("/api/v1/events", params={"batch": str(uuid4())})).status_code == 404


async def test_results_come_in_the_usual_formats(api: httpx.AsyncClient, answers: None):
    body = {**TWO_PROBLEMS, "repeat": 2}
    batch = await submit(api, body)
    await settled(api, batch["id"])

    async def read(kind: str) -> httpx.Response:
        answer = await api.get(f"/api/v1/batches/{batch['id']}/results", params={"format": kind})
        assert answer.status_code == 200
        return answer

    rows = [json.loads(line) for line in (await read("ndjson")).text.splitlines()]
    assert [(r["problem"], r["sample"], r["repeat"]) for r in rows] == [
        (key, sample, repeat) for key in "ab" for sample in range(2) for repeat in range(2)
    ]
    human = await read("humaneval")
    assert human.headers["Cloche-Ungradable"] == "2"
    assert [json.loads(line) for line in human.text.splitlines()] == [
        {"task_id": "a", "completion": "right", "result": "passed", "passed": True},
        {"task_id": "a", "completion": "wrong", "result": "failed: runtime_error", "passed": False},
        {"task_id": "b", "completion": "right", "result": "passed", "passed": True},
    ]
    table_file = await read("parquet")
    assert (table_file.content[:4], table_file.content[-4:]) == (b"PAR1", b"PAR1")
    table = (await read("csv")).text.split("\r\n")
    assert table[0].split(",")[:3] == ["id", "problem", "problem_number"]
    assert len(table) == 1 + 8 + 1


async def test_two_batches_are_compared_sample_by_sample(api: httpx.AsyncClient, answers: None):
    async def of(*sources: str) -> str:
        places = [(key, sample) for key in "ab" for sample in range(4)]
        evaluations = [
            evaluation(key, source, sample=sample) for (key, sample), source in zip(places, sources, strict=False)
        ]
        batch = await submit(api, {"problems": [problem("a"), problem("b")], "evaluations": evaluations})
        return (await settled(api, batch["id"]))["id"]

    first = await of("right", "right", "right", "wrong", "right", "broken", "right")
    second = await of("right", "wrong", "wrong", "right", "wrong", "right", "wrong", "wrong")
    answer = await api.get(f"/api/v1/batches/{first}/compare/{second}", params={"limit": 3})
    found = answer.json()
    names = ["both_passed", "only_a_passed", "only_b_passed", "neither_passed", "ungradable", "only_in_b", "changed"]
    assert [found[name] for name in names] == [1, 4, 1, 0, 1, 1, 0]
    assert found["mcnemar"] == {"method": "exact", "p": 0.375}  # 2 · (1 + 5)/32
    pages = [found["flips"]]
    while found["next"]:
        parameters = {"limit": 3, "cursor": found["next"]}
        found = (await api.get(f"/api/v1/batches/{first}/compare/{second}", params=parameters)).json()
        pages.append(found["flips"])
    assert [(f["problem"], f["sample"], f["a_verdict"]) for page in pages for f in page] == [
        ("a", 1, "accepted"),
        ("a", 2, "accepted"),
        ("a", 3, "runtime_error"),
        ("b", 0, "accepted"),
        ("b", 2, "accepted"),
    ]
    assert (await api.get(f"/api/v1/batches/{first}/compare/{uuid4()}")).status_code == 404


async def test_repeats_that_disagree_are_found(api: httpx.AsyncClient, answers: None, executor: ScriptedExecutor):
    turns = iter(range(100))

    async def flaky(run: Run) -> None:
        usage = {**USAGE, "wall_time_ms": 10.0 * (1 + next(turns))}
        verdict = "runtime_error" if usage["wall_time_ms"] == 20.0 else "accepted"
        await run.say(started(), finished(b"", usage=usage, verdict=verdict))

    executor.script["flaky"] = flaky
    body = {
        "repeat": 3,
        "problems": [problem("a")],
        "evaluations": [evaluation("a", "right"), evaluation("a", "flaky")],
    }
    batch = await settled(api, (await submit(api, body))["id"])
    assert (batch["total"], batch["pass_at_k"][0]["problems"]) == (6, 1)
    found = (await api.get(f"/api/v1/batches/{batch['id']}/flakiness")).json()
    assert (found["samples"], found["disagreeing"]) == (2, 1)
    (item,) = found["items"]
    assert (item["sample"], item["disagree"], sorted(item["verdicts"])) == (
        1,
        True,
        ["accepted", "accepted", "runtime_error"],
    )
    times = [item[f"{name}_wall_time_ms"] for name in ("shortest", "mean", "longest", "deviation")]
    assert times == [10.0, 20.0, 30.0, 10.0]
    everything = (await api.get(f"/api/v1/batches/{batch['id']}/flakiness", params={"disagreeing": False})).json()
    assert [i["disagree"] for i in everything["items"]] == [False, True]
    assert everything["spread"] == pytest.approx(0.25)  # of 0 and 0.5
