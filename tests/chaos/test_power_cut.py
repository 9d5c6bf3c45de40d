"""Stores that go without a word: what was acknowledged is there, and every verdict arrives."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable

import pytest

from cloche.stack.options import Layout
from cloche.stack.orphans import processes_in
from cloche.stack.stores import recall_owner

from .conftest import Stack
from .load import Load, end_within
from .record import read_list, read_stored
from .report import Report, judge

_EVALUATIONS = 80
_PATIENCE_S = 90


@pytest.mark.timeout(200)
async def test_every_verdict_arrives_although_valkey_lost_all_its_data(stack: Stack):
    load = Load(stack.url, per_s=100, in_flight=_EVALUATIONS)
    loading = asyncio.create_task(load.run(_EVALUATIONS))
    await until(lambda: load.told >= 10)
    lose_valkey(stack)
    await end_within(loading, _PATIENCE_S)
    report = await judged(stack, load)
    assert report.broken == {}
    assert len(report.stored) == _EVALUATIONS
    epochs = {one.seen.last_id.partition(".")[0] for one in load.followed if one.seen.last_id}
    assert len(epochs) == 2, "it had lost nothing"


@pytest.mark.timeout(200)
async def test_every_acknowledged_submission_outlives_postgres_killed_in_mid_commit(stack: Stack):
    load = Load(stack.url, per_s=100, in_flight=_EVALUATIONS)
    loading = asyncio.create_task(load.run(_EVALUATIONS))
    for _ in range(3):
        enough = load.accepted + 8
        await until(lambda enough=enough: load.accepted >= enough and len(processes_of_postgres(stack)) > 1)
        kill_postgres(stack)
    await end_within(loading, _PATIENCE_S)
    report = await judged(stack, load)
    assert report.broken == {}
    assert len(report.stored) == _EVALUATIONS
    assert load.answers[503], "nobody was in the middle of anything"


def lose_valkey(stack: Stack) -> None:
    """Its files go while it can't write, then it goes."""
    pid = stack.child("valkey")["pid"]
    os.kill(pid, signal.SIGSTOP)
    shutil.rmtree(Layout(stack.data_dir).valkey / "appendonlydir")
    os.kill(pid, signal.SIGKILL)


def kill_postgres(stack: Stack) -> None:
    """All of its processes at once, none of which could finish what it was at."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in processes_of_postgres(stack):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def processes_of_postgres(stack: Stack) -> set[int]:
    return processes_in(Layout(stack.data_dir).postgres / "cluster", "postgres")


async def judged(stack: Stack, load: Load) -> Report:
    """Each evaluation against what PostgreSQL holds. Nothing is late: the readers were waited for."""
    stored = await read_stored(recall_owner(Layout(stack.data_dir)))
    mine = [row for row in stored if row.key in {one.key for one in load.followed}]
    return judge(load.followed, mine, await read_list(stack.url), asyncio.get_running_loop().time())


async def until(happened: Callable[[], bool]) -> None:
    """Return when it has."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110  (counted by other tasks)
            await asyncio.sleep(0.01)
