"""What a killed executor leaves behind: no process at once, nothing at all after the next start."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from executor_under_test import TOKEN, Worker, program, until_checked

from cloche.contracts.limits import Limits
from cloche.executor.engines.local.cgroups.roots import find_roots
from cloche.executor.engines.local.engine import LocalEngine
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient


@pytest.mark.parametrize("killed", ["executor alone", "executor and spawner"])
async def test_killed_executor_leaves_nothing_or_else_the_next_removes_it(tmp_path: Path, killed: str) -> None:
    roots = find_roots().directories()
    if not roots:
        pytest.skip("no cgroup is writable here, by which the cell's processes could be told")
    socket = tmp_path / "x.sock"
    process = _start(socket, tmp_path)
    await until_checked(socket, process)
    async with ServiceClient(f"unix:{socket}", TOKEN) as client:
        source = "trap '' TERM HUP; (setsid sleep 300 &) ; echo on; sleep 300"
        stream = Worker(client).lines(program(source, runtime="bash", limits=Limits(wall_time_s=300)))
        async for line in stream:
            if line["type"] == "output":
                break
        cleared = killed == "executor alone"
        groups = [group for root in roots for group in root.glob(f"cloche-{process.pid}-*")]
        assert groups
        assert _processes(groups)
        spawner = _child(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        if "spawner" in killed:
            os.kill(spawner, signal.SIGKILL)
        process.wait(10)
        async with asyncio.timeout(10):
            while _processes(groups) or (cleared and any(map(Path.exists, groups))):  # noqa: ASYNC110  (they tell nobody)
                await asyncio.sleep(0.01)
        with contextlib.suppress(ClocheError):
            await stream.aclose()
    if "spawner" in killed:
        engine = LocalEngine()
        await engine.start()
        await engine.close()
    assert not [group for group in groups if group.exists()]


def _start(socket: Path, directory: Path) -> subprocess.Popen[bytes]:
    """An executor whose small files lie where pytest removes them, and where the cells' user gets to."""
    for place in (directory, *directory.parents):
        if place.stat().st_mode & 0o777 == 0o700:
            place.chmod(0o711)
    environment = {
        "PATH": os.environ["PATH"],
        "CLOCHE_EXECUTOR_LISTEN": f"unix:{socket}",
        "CLOCHE_EXECUTOR_WORKER_TOKEN": TOKEN,
        "CLOCHE_EXECUTOR_RUNTIMES": '["bash"]',
        "TMPDIR": str(directory),
    }
    return subprocess.Popen([sys.executable, "-m", "cloche.executor"], env=environment)


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii"))


def _processes(groups: list[Path]) -> list[str]:
    result: list[str] = []
    for group in groups:
        with contextlib.suppress(FileNotFoundError):
            result += (group / "cgroup.procs").read_text(encoding="ascii").split()
    return result
