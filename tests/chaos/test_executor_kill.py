"""An executor killed with -9 at any moment: two seconds after the next one serves, nothing of its runs is left."""

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from afterwards import cell_groups
from executor_under_test import ExecutorProcess, Worker, program, spawn_executor

from cloche.contracts.words import Isolation
from cloche.kit.errors import ClocheError

_GONE_S = 2.0
_SLOTS = 4
#: Nobody else's processes carry it.
_MARK = "cloche-killed-run"
_SOURCE = f"""
mkdir -p deep/er && head -c 100000 /dev/zero > deep/er/file && head -c 100000 /dev/zero > "$TMPDIR/file"
trap '' TERM HUP INT
(exec -a {_MARK} setsid sleep 300 &) 2>/dev/null
echo on
exec -a {_MARK} sleep 300
"""


@pytest.mark.timeout(120)
async def test_nothing_is_left_of_a_killed_executor(tmp_path: Path) -> None:
    await _kill_again_and_again(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nothing_is_left_of_an_executor_killed_fifty_times(tmp_path: Path) -> None:
    await _kill_again_and_again(tmp_path, 50)


async def _kill_again_and_again(directory: Path, times: int) -> None:
    moments = random.Random(4)
    process, executor = await _serving(directory)
    try:
        for _ in range(times):
            async with _load(executor) as begun:
                await begun.wait()
                await asyncio.sleep(moments.uniform(0, 0.4))  # some moment in the middle of it
                process.kill()
                process.wait(10)
            killed = executor.pid
            process, executor = await _serving(directory)
            await _nothing_left(killed, "SIGKILL")
    finally:
        process.terminate()
        process.wait(30)
    await _nothing_left(executor.pid, "SIGTERM")


async def _serving(directory: Path) -> tuple[subprocess.Popen[bytes], ExecutorProcess]:
    """A fresh executor that answers; its self-tests may still run."""
    (directory / "x.sock").unlink(missing_ok=True)
    process, executor = spawn_executor(
        directory, slots=str(_SLOTS), runtimes='["bash"]', tiers='["process", "namespace"]', ready_cells="1"
    )
    async with asyncio.timeout(30), executor.worker() as worker:
        while True:
            with contextlib.suppress(ClocheError):
                if len((await worker.offer()).tiers) > 0:
                    return process, executor
            await asyncio.sleep(0.02)  # it tells nobody when it listens


@contextlib.asynccontextmanager
async def _load(executor: ExecutorProcess) -> AsyncIterator[asyncio.Event]:
    """As many runs as there are slots, in both tiers, each started again at its end; ``begun`` once one wrote."""
    begun = asyncio.Event()
    async with executor.worker() as worker:
        tiers: list[Isolation] = ["namespace", "process"]
        tasks = [asyncio.create_task(_run(worker, tiers[i % 2], begun)) for i in range(_SLOTS)]
        try:
            yield begun
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _run(worker: Worker, tier: Isolation, begun: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(ClocheError, aiohttp.ClientError):
            async for line in worker.lines(program(_SOURCE, runtime="bash", isolation=tier)):
                if line["type"] == "output":
                    begun.set()
        await asyncio.sleep(0.05)  # refused until its self-tests are done


async def _nothing_left(executor_pid: int, ended_by: str) -> None:
    try:
        async with asyncio.timeout(_GONE_S):
            while _left(executor_pid):  # noqa: ASYNC110  (the kernel tells nobody)
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"left behind by {ended_by}: {_left(executor_pid)}")


def _left(executor_pid: int) -> list[str]:
    """Marked processes, cgroups, mounts and files of the executor that had ``executor_pid``."""
    groups = [f"{path}: {_processes(path)}" for path in cell_groups(executor_pid)]
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    files = Path(tempfile.gettempdir()).glob(f"cloche-cells-{executor_pid}-*")
    return [*_marked(), *groups, *(line for line in mounts if "cloche-cells" in line), *map(str, files)]


def _processes(group: Path) -> str:
    try:
        return (group / "cgroup.procs").read_text(encoding="ascii")
    except OSError as error:
        return str(error)


def _marked() -> list[str]:
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(_MARK.encode()):
                found.append(f"process {entry.name}")
    return found
