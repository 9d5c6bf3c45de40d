"""Cells made ahead of their program."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloche.contracts.limits import Limits
from cloche.contracts.words import Stream
from cloche.executor.cell import Cell, Command
from cloche.executor.engines.engine import CellSpec, Toolchain
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.engines.local.toolchains import base_view
from cloche.executor.runtimes import load_runtimes

SHELL = Toolchain("/usr/bin/dash", readonly=base_view())


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(tiers=("namespace",), ahead=1)
    await engine.start()
    yield engine
    await engine.close()


async def _said(engine: LocalEngine, script: str, **limits: int) -> bytes:
    (bash,) = load_runtimes(only=("bash",))
    wanted = Limits(**limits)
    slot = await engine.open(CellSpec("test", bash, SHELL, wanted))
    said = bytearray()

    async def keep(_: Stream, data: bytes) -> None:
        said.extend(data)

    try:
        cell = Cell(slot)
        await cell.begin([], deadline_s=30)
        await cell.run(Command((SHELL.tool, "-c", script), (("PATH", "/usr/bin"),)), wanted, keep)
    finally:
        await slot.destroy()
    return bytes(said)


def _launchers() -> set[int]:
    """First processes of cells below this one, as the children of their makers, which are the spawner's."""
    spawners = [pid for pid in _children(os.getpid()) if b"spawner" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    makers = [maker for spawner in spawners for maker in _children(spawner)]
    return {launcher for maker in makers for launcher in _children(maker)}


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


async def _until_there_are(count: int) -> set[int]:
    async with asyncio.timeout(20):
        while len(_launchers()) != count:  # noqa: ASYNC110  (only the kernel knows)
            await asyncio.sleep(0.005)
    return _launchers()


async def _one_waits() -> int:
    return (await _until_there_are(1)).pop()


async def test_a_cell_made_ahead_serves_one_program_and_another_takes_its_place(engine: LocalEngine) -> None:
    assert await _said(engine, "echo x > /work/mark; echo done") == b"done\n"
    first = await _one_waits()
    assert await _said(engine, "ls /work /tmp /dev/shm | tr '\\n' ' '") == b"/dev/shm:  /tmp:  /work: "
    assert await _one_waits() != first


async def test_limits_of_the_program_hold_in_a_cell_that_was_made_before_they_were_known(engine: LocalEngine) -> None:
    await _said(engine, "true")
    await _one_waits()
    fill = "head -c 3000000 /dev/zero > big 2> /dev/null; stat -c %s big"
    assert await _said(engine, fill, disk_bytes=1 << 20) == b"1048576\n"


async def test_a_cell_that_died_waiting_is_not_handed_out(engine: LocalEngine) -> None:
    await _said(engine, "true")
    waiting = await _one_waits()
    os.kill(waiting, signal.SIGKILL)
    await _until_there_are(0)
    assert await _said(engine, "echo fine") == b"fine\n"


async def test_nothing_waits_after_the_engine_is_closed() -> None:
    engine = LocalEngine(tiers=("namespace",), ahead=2)
    await engine.start()
    await _said(engine, "true")
    await engine.close()
    assert _launchers() == set()
