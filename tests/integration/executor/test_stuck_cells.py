"""A cell that can't be killed costs its slot until it can: nothing waits for it, and nothing is given out twice."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from executor_under_test import ExecutorProcess, Worker, program, running_executor

from cloche.contracts.limits import Limits
from cloche.executor.engines.engine import CellSpec, SlotStuckError
from cloche.executor.engines.local.cgroups.roots import find_roots
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.engines.local.slot import LocalSlot
from cloche.executor.runtimes import load_runtimes

_FREEZER = Path("/sys/fs/cgroup/freezer")


class Freezer:
    """Version 1's: what it froze does not even die."""

    def __init__(self) -> None:
        self.group = _FREEZER / f"cloche-test-frozen-{os.getpid()}"

    def freeze(self, pids: list[int]) -> None:
        for pid in pids:
            (self.group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        (self.group / "freezer.state").write_text("FROZEN", encoding="ascii")
        while (self.group / "freezer.state").read_text(encoding="ascii") != "FROZEN\n":
            pass

    def thaw(self) -> None:
        (self.group / "freezer.state").write_text("THAWED", encoding="ascii")


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    made = Freezer()
    try:
        made.group.mkdir()
    except OSError:
        pytest.skip("the version 1 freezer is not writable here")
    yield made
    made.thaw()
    while (made.group / "cgroup.procs").read_text(encoding="ascii"):
        pass
    made.group.rmdir()


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine()
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[ExecutorProcess]:
    with running_executor(tmp_path, slots="2", runtimes='["bash"]') as executor:
        yield executor


async def _cell(engine: LocalEngine) -> LocalSlot:
    runtime = load_runtimes(only=("bash",))[0]
    toolchain = (await engine.toolchains(runtime))[0]
    slot = await engine.open(CellSpec(id="frozen", runtime=runtime, toolchain=toolchain, limits=Limits()))
    await slot.read()
    return slot


async def test_frozen_cell_is_given_up_in_time_and_regained_once_thawed(engine: LocalEngine, freezer: Freezer) -> None:
    slot = await _cell(engine)
    groups = [Path(path) for path in slot._group.directories]
    freezer.freeze(_processes(groups))
    begun = time.monotonic()
    with pytest.raises(SlotStuckError) as stuck:
        await slot.destroy()
    assert time.monotonic() - begun < 10
    assert stuck.value.gone is not None
    await engine._stuck.try_again()
    assert not stuck.value.gone.done()
    assert all(group.exists() for group in groups)
    users = slot.plan.users
    assert users is None or users not in engine._users._free
    freezer.thaw()
    async with asyncio.timeout(10):
        while not stuck.value.gone.done():
            await engine._stuck.try_again()
    assert not [group for group in groups if group.exists()]
    assert users is None or users in engine._users._free


async def test_executor_offers_a_slot_less_until_the_cell_is_gone(small: ExecutorProcess, freezer: Freezer) -> None:
    async with small.worker() as worker:
        lines = worker.lines(program("echo on; sleep 100", runtime="bash", limits=Limits(wall_time_s=100)))
        async for line in lines:
            if line["type"] == "output":
                break
        freezer.freeze(_processes(_groups_of(small.pid)))
        await lines.aclose()
        await _until_slots(worker, 1)
        freezer.thaw()
        await _until_slots(worker, 2)


async def _until_slots(worker: Worker, wanted: int) -> None:
    async with asyncio.timeout(30):
        while (await worker.offer()).slots != wanted:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.1)


def _groups_of(executor_pid: int) -> list[Path]:
    return [group for root in find_roots().directories() for group in root.glob(f"cloche-{executor_pid}-*")]


def _processes(groups: list[Path]) -> list[int]:
    lines = [line for group in groups for line in (group / "cgroup.procs").read_text(encoding="ascii").split()]
    return sorted({int(line) for line in lines})
