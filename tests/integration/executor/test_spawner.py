"""The process that launchers are forked from, and the network namespaces it lends them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloche.contracts.limits import Limits
from cloche.contracts.words import Network, Stream
from cloche.executor.cell import Cell, CellLostError, Command
from cloche.executor.engines.engine import CellSpec, EngineError, Toolchain
from cloche.executor.engines.local.cgroups.names import PREFIX
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.engines.local.toolchains import base_view
from cloche.executor.runtimes import load_runtimes

SHELL = Toolchain("/usr/bin/dash", readonly=base_view())
OWN_NETWORK = "readlink /proc/self/ns/net"


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(tiers=("namespace",))
    await engine.start()
    yield engine
    await engine.close()


async def _said(engine: LocalEngine, script: str, network: Network = "none") -> str:
    (bash,) = load_runtimes(only=("bash",))
    slot = await engine.open(CellSpec("test", bash, SHELL, Limits(), network=network))
    said = bytearray()

    async def keep(_: Stream, data: bytes) -> None:
        said.extend(data)

    try:
        cell = Cell(slot)
        await cell.begin([], deadline_s=30)
        await cell.run(Command((SHELL.tool, "-c", script), (("PATH", "/usr/bin"),)), Limits(), keep)
    finally:
        await slot.destroy()
    return said.decode().strip()


def _spawners() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if b"spawner" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _groups() -> list[Path]:
    return list(Path("/sys/fs/cgroup").rglob(f"{PREFIX}{os.getpid()}-*"))


async def test_one_process_spawns_every_cell_and_ends_with_the_engine() -> None:
    engine = LocalEngine(tiers=("namespace",))
    await engine.start()
    (before,) = _spawners()
    assert [await _said(engine, f"echo {number}") for number in range(3)] == ["0", "1", "2"]
    assert _spawners() == [before]
    await engine.close()
    assert _spawners() == []


async def test_cells_of_a_killed_spawner_end_and_the_next_are_made_by_another(engine: LocalEngine) -> None:
    (before,) = _spawners()
    running = asyncio.create_task(_said(engine, "sleep 100"))
    await asyncio.sleep(0.3)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(CellLostError):
        await running
    assert _groups() == []
    assert await _said(engine, "echo again") == "again"
    assert _spawners() != [before]


@pytest.mark.parametrize("paths", [(f"/{'x' * 300_000}",), tuple(f"/{number}" for number in range(2000))])
async def test_a_view_beyond_the_spawners_measure_is_refused_and_harms_no_other(
    engine: LocalEngine, paths: tuple[str, ...]
) -> None:
    (bash,) = load_runtimes(only=("bash",))
    running = asyncio.create_task(_said(engine, "sleep 0.3; echo fine"))
    await asyncio.sleep(0.1)
    with pytest.raises(EngineError, match="too many paths"):
        await engine.open(CellSpec("test", bash, Toolchain(SHELL.tool, readonly=paths), Limits()))
    assert await running == "fine"


def _needs_lending(engine: LocalEngine) -> None:
    abi = next((f.removeprefix("landlock:") for f in engine.tiers[0].features if f.startswith("landlock:")), "0")
    if os.geteuid() != 0 or int(abi) < 6:
        pytest.skip("lent by root alone, where Landlock scopes abstract sockets")


async def test_lent_network_is_nobodys_own_and_never_two_cells_at_once(engine: LocalEngine) -> None:
    _needs_lending(engine)
    first = await _said(engine, OWN_NETWORK)
    assert first != await _said(engine, OWN_NETWORK, "loopback")
    at_once = await asyncio.gather(*(_said(engine, f"{OWN_NETWORK}; sleep 0.5") for _ in range(4)))
    assert len(set(at_once)) == 4
    assert await _said(engine, OWN_NETWORK) in {first, *at_once}


async def test_loopback_is_up_in_a_network_of_the_cells_own_alone(engine: LocalEngine) -> None:
    _needs_lending(engine)
    lent = {await _said(engine, OWN_NETWORK) for _ in range(2)}
    up = await _said(engine, f"{OWN_NETWORK}; sed -n 's/ *lo: *//p' /proc/net/dev", "loopback")
    assert up.splitlines()[0] not in lent
    assert await _said(engine, OWN_NETWORK) in lent
