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


async def test_program_of_a_sample_is_whole_where_it_is_run_and_read(api: httpx.AsyncClient, executor: ScriptedExecutor):
    marker = uuid4().hex
    shared = problem("a", prefix="# before\n", suffix=f"\n# {marker}", files=[{"path": "data.txt", "content": "d"}])
    shared["cases"] = [{"stdin": "1", "expected_stdout": "1"}]
    whole = f"# before\nx = 1\n# {marker}"

    async def run(run: Run) -> None:
        await run.say(started(), finished(b"", verdict="runtime_error"))

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
