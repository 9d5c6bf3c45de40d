"""What the running services tell of what went through them, and what they never repeat."""

import asyncio
import re
import subprocess
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import Platform
from .scripted_executor import Run, ScriptedExecutor, finished, output, started
from .test_path import submit

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOCKETS = {"web": "web.sock", "queue": "qi.sock", "worker": "w.sock", "storage": "s.sock"}

#: Sent wherever a caller, a program or an executor may write what it likes.
TOKEN = "b7f3untrusted"


async def scrape(platform: Platform, service: str) -> str:
    transport = httpx.AsyncHTTPTransport(uds=str(platform.folder / SOCKETS[service]))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/metrics")).text


def value(text: str, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0.0


@pytest.fixture
def talkative(executor: ScriptedExecutor) -> str:
    async def run(run: Run) -> None:
        await run.say(started(), output(TOKEN.encode(), 0), finished(TOKEN.encode(), inline=False))

    executor.script[TOKEN] = run
    return TOKEN


async def test_every_service_tells_of_a_run(api: httpx.AsyncClient, platform: Platform, talkative: str):
    before = {name: await scrape(platform, name) for name in SOCKETS}
    assert (await submit(api, talkative))["verdict"] == "accepted"
    after = {name: await scrape(platform, name) for name in SOCKETS}

    def grown(service: str, name: str, **labels: str) -> float:
        return value(after[service], name, **labels) - value(before[service], name, **labels)

    assert grown("web", "cloche_api_evaluations_submitted_total") == 1
    assert grown("web", "cloche_api_submission_duration_seconds_count") == 1
    assert grown("web", "cloche_api_outbox_relayed_total", kind="enqueue") == 1
    route = {"method": "POST", "route": "/api/v1/evaluations", "code": "201"}
    assert grown("web", "cloche_http_request_duration_seconds_count", **route) == 1
    assert grown("queue", "cloche_queue_leases_total", lane="interactive") == 1
    assert grown("queue", "cloche_queue_wait_seconds_count", lane="interactive") == 1
    assert grown("queue", "cloche_queue_evaluations_finished_total", verdict="accepted", runtime="python") == 1
    assert grown("worker", "cloche_worker_run_duration_seconds_count", verdict="accepted") == 1
    assert grown("storage", "cloche_storage_verdicts_total") == 1


async def test_gauges_tell_what_is_there(api: httpx.AsyncClient, platform: Platform):
    worker = await scrape(platform, "worker")
    assert value(worker, "cloche_worker_free_slots") > 0
    assert value(worker, "cloche_worker_executor_usable", executor="scripted") == 1
    async with asyncio.timeout(30):
        while 'cloche_queue_depth{lane="batch",state="delayed"} 0' not in await scrape(platform, "queue"):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.1)
    for name in SOCKETS:
        assert value(await scrape(platform, name), "process_cpu_seconds_total") > 0


async def test_nothing_that_others_send_becomes_a_label(
    api: httpx.AsyncClient, platform: Platform, executor: ScriptedExecutor, talkative: str
):
    async def of_its_own_runtime(run: Run) -> None:
        runtime: dict[str, Any] = {"runtime": f"{TOKEN}@1"}
        await run.say(started(**runtime), finished(b"", **runtime))

    executor.script[f"{TOKEN}2"] = of_its_own_runtime
    await submit(api, talkative, name=TOKEN, labels={TOKEN: TOKEN})
    await submit(api, f"{TOKEN}2")
    await api.request("PROPFIND", f"/{TOKEN}")
    for path in (f"/{TOKEN}", f"/api/v1/{TOKEN}", f"/api/v1/evaluations/{TOKEN}", f"/queue/v1/lanes/{TOKEN}/pause"):
        await api.get(path)
        await api.post(path, json={}, params={TOKEN: TOKEN})
    for name in SOCKETS:
        assert TOKEN not in (await scrape(platform, name)).lower()
    web, queue = await scrape(platform, "web"), await scrape(platform, "queue")
    assert re.search(r'method="other",route="(unmatched|/\{path:page\})"', web)
    assert value(queue, "cloche_queue_evaluations_finished_total", verdict="accepted", runtime="other") == 1


async def test_what_is_told_is_as_prometheus_wants_it(api: httpx.AsyncClient, platform: Platform, talkative: str):
    await submit(api, talkative)
    for name in SOCKETS:
        text = await scrape(platform, name)
        done = await asyncio.to_thread(
            subprocess.run, ["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, b""), name
