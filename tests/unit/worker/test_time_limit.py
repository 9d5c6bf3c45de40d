import asyncio

import pytest

from cloche.contracts.limits import MOST_TOTAL_S, CompileLimits, Limits
from cloche.contracts.submission import Case, File, Program
from cloche.worker import time_limit
from cloche.worker.time_limit import TimeLimit, longest_silence_s, most_seconds


async def forever() -> None:
    await asyncio.Event().wait()


def program(cases: int) -> Program:
    return Program(
        runtime="python",
        files=[File(path="m", content="")],
        entrypoint="m",
        limits=Limits(wall_time_s=7),
        compile_limits=CompileLimits(wall_time_s=11),
        cases=[Case(name=str(n)) for n in range(cases)],
    )


def test_every_case_may_take_its_wall_time_after_the_compiler_took_its_own():
    assert most_seconds(program(0)) == most_seconds(program(1)) > 11 + 7
    assert most_seconds(program(400)) > 11 + 400 * 7
    assert most_seconds(program(1000)) > 11 + MOST_TOTAL_S + 7  # no case begins behind that


async def test_it_is_over_after_its_time():
    limit = TimeLimit(0.01)
    with pytest.raises(TimeoutError):
        async with limit:
            await forever()
    assert limit.is_over


async def test_it_can_be_shortened_and_not_lengthened():
    limit = TimeLimit(3600)

    async def run() -> None:
        async with limit:
            limit.shorten(0.01)
            limit.shorten(3600)
            await forever()

    with pytest.raises(TimeoutError):
        await run()


async def test_it_can_be_shortened_before_it_begins_and_after_it_ended():
    limit = TimeLimit(3600)
    limit.shorten(0.01)
    with pytest.raises(TimeoutError):
        async with limit:
            await forever()
    limit.shorten(0)


async def test_pauses_do_not_count():
    loop = asyncio.get_running_loop()
    limit = TimeLimit(0.05)
    async with limit:
        with limit.paused():
            later = asyncio.Event()
            loop.call_later(0.1, later.set)
            await later.wait()
    assert not limit.is_over


async def test_pauses_count_once_they_are_longer_than_any_should_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time_limit, "_MOST_PAUSED_S", 0.01)
    limit = TimeLimit(0.01)

    async def run() -> None:
        async with limit:
            with limit.paused():
                await forever()

    with pytest.raises(TimeoutError):
        await run()


async def test_other_cancels_pass_through():
    limit = TimeLimit(3600)
    begun = asyncio.Event()

    async def run() -> None:
        async with limit:
            begun.set()
            await forever()

    task = asyncio.create_task(run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not limit.is_over


def test_a_checker_has_its_own_time_beside_the_programs():
    limits = {"limits": Limits(wall_time_s=100), "compile_limits": CompileLimits(wall_time_s=50)}
    plain, checker = program(3), program(0).model_copy(update=limits)
    checked = plain.model_copy(update={"checker": checker})
    assert most_seconds(checked) >= most_seconds(plain) + 3 * 100 + 50
    assert longest_silence_s(checked) >= 7 + 100 + 50
    assert longest_silence_s(plain) == 11 + 30
