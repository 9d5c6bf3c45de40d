"""The worker believes no executor: each breach is charged to it and the evaluation still ends right."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from .conftest import Platform
from .scripted_executor import Run, ScriptedExecutor, finished, output, started
from .test_path import submit

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def endless_line(run: Run) -> None:
    await run.say(started())
    for _ in range(200):
        await run.say(b"x" * 65536)


async def endless_lines(run: Run) -> None:
    await run.say(started())
    for n in range(100_000):
        await run.say(output(b"y", n))


async def other_ids(run: Run) -> None:
    await run.say(
        started(evaluation_id="0" * 32, attempt=99, seq=7), {"type": "evaluation.finished", "verdict": "accepted"}
    )


async def million_cases(run: Run) -> None:
    await run.say(started())
    for n in range(1_000_000):
        await run.say({"type": "case.finished", "case": {"index": n, "name": "", "verdict": "accepted"}})


async def illegal_order(run: Run) -> None:
    await run.say(finished())


async def forged_output(run: Run) -> None:
    await run.say(started(), output(b"real", 0), finished(b"fake", inline=True))


async def time_before_time(run: Run) -> None:
    await run.say(started(at="0001-01-01T00:00:00+05:00"), finished())


async def unstorable_words(run: Run) -> None:
    await run.say(started(), finished(message="a\0b"))


async def unasked_cancel(run: Run) -> None:
    await run.say(started(), finished(verdict="cancelled", evidence={"source": "cancel"}))


async def garbage(run: Run) -> None:
    await run.say(b"\xff\xfe\n")


async def silence(run: Run) -> None:
    await run.say(started())


async def worker_metrics(platform: Platform) -> str:
    transport = httpx.AsyncHTTPTransport(uds=str(platform.folder / "w.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as worker:
        return (await worker.get("/metrics")).text


def charged(metrics: str) -> float:
    found = re.search(r'^cloche_worker_executor_misbehaved_total\{executor="scripted"\} (\S+)$', metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


BREACHES: list[Callable[[Run], Awaitable[None]]] = [
    endless_line, endless_lines, other_ids, million_cases, illegal_order, forged_output, garbage,
    time_before_time, unstorable_words, unasked_cancel,
]  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.__name__)
async def test_breach_is_charged_and_the_next_attempt_decides(
    api: httpx.AsyncClient, platform: Platform, executor: ScriptedExecutor, breach: Callable[[Run], Awaitable[None]]
):
    runs = 0
    before = charged(await worker_metrics(platform))

    async def once(run: Run) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await breach(run)
        else:
            await run.say(started(), finished(b"right"))

    executor.script["p"] = once
    view = await submit(api, "p")
    assert (view["verdict"], view["stdout"]["text"], view["attempts"]) == ("accepted", "right", 2)
    assert charged(await worker_metrics(platform)) == before + 1


async def test_stream_that_ends_early_is_retried(api: httpx.AsyncClient, executor: ScriptedExecutor):
    runs = 0

    async def once(run: Run) -> None:
        nonlocal runs
        runs += 1
        await (silence(run) if runs == 1 else run.say(started(), finished(b"right")))

    executor.script["p"] = once
    assert (await submit(api, "p"))["stdout"]["text"] == "right"


async def test_executor_that_always_misbehaves_ends_in_internal_error(
    api: httpx.AsyncClient, executor: ScriptedExecutor
):
    executor.script["p"] = illegal_order_after_start
    view = await submit(api, "p", wait=60)
    assert (view["verdict"], view["attempts"]) == ("internal_error", 3)


async def illegal_order_after_start(run: Run) -> None:
    await run.say(started(), started())


async def test_lost_cell_twice_is_the_programs_fault(api: httpx.AsyncClient, executor: ScriptedExecutor):
    async def lose(run: Run) -> None:
        await run.say(started())
        await asyncio.sleep(0)
        await run.say({"type": "failed", "reason": "cell_lost", "started": True, "message": ""})

    executor.script["p"] = lose
    view = await submit(api, "p", wait=60)
    assert (view["verdict"], view["attempts"]) == ("runtime_error", 2)
    assert (view["evidence"]["source"], view["evidence"]["detail"]) == ("platform", "cell_lost")
    assert view["message"] == "The program took down the cell it ran in, twice."
