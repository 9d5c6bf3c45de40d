"""An outage of 40 s under a hundred running programs ends no evaluation as the platform's fault."""

import asyncio
import signal
from pathlib import Path

import pytest

from cloche.stack import postgres_server

from .load import Load
from .record import read_list, read_stored
from .report import judge
from .storm_stack import StormStack, storm_stack
from .watching import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_RUNNING = 100
_OUTAGE_S = 40
#: Leases, heartbeats and deadlines are the usual ones.
_SETTINGS = {"CLOCHE_EXECUTOR_SLOTS": str(_RUNNING), "CLOCHE_EXECUTOR_RUNTIMES": '["python"]'}
_LONG = {"runtime": "python", "source": program(2.5), "limits": {"wall_time_s": 120}}
#: What a program takes, and another of which the first was in vain.
_PROMPT_S = 90
_STARTED = "SELECT count(started_at) FROM evaluation"
_LOGS = Path(__file__).parents[2] / ".cache/chaos/test-outage"


@pytest.mark.parametrize("whom", ["queue", "postgres", "valkey"])
async def test_outage_under_running_programs_makes_no_dead_letter(whom: str):
    async with storm_stack(_LOGS / whom, _SETTINGS) as stack:
        load = Load(stack.url, per_s=50, in_flight=_RUNNING, body=_LONG)
        loading = asyncio.create_task(load.run(_RUNNING))
        await _all_run(stack)
        await _be_away(stack, whom)
        recovered_at = asyncio.get_running_loop().time()
        await loading
        stored = await read_stored(stack.owner_dsn)
        report = judge(load.followed, stored, await read_list(stack.url), recovered_at, _PROMPT_S)
        assert report.broken == {}
        assert report.given_up == []
        assert len(report.stored) == _RUNNING
        # Without Valkey programs go on; without a word of their leases those that still ran were ended and ran again.
        assert bool(report.retried) == (whom != "valkey")


async def _all_run(stack: StormStack) -> None:
    connection = await postgres_server.connect(stack.owner_dsn)
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(_STARTED) < _RUNNING:  # noqa: ASYNC110  (a table)
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _be_away(stack: StormStack, whom: str) -> None:
    if whom in stack.servers:
        assert stack.servers[whom].kill()
        await asyncio.sleep(_OUTAGE_S)
        stack.servers[whom].start_again()
    else:
        assert stack.signal(whom, signal.SIGSTOP)
        await asyncio.sleep(_OUTAGE_S)
        stack.signal(whom, signal.SIGCONT)
