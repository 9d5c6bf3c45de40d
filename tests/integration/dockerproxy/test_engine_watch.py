"""An executor notices when what its containers are made with goes away, and tests everything anew when it is back."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloche.contracts.limits import Limits
from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.engine import CellSpec, EngineError
from cloche.executor.runtimes import load_runtimes

pytestmark = pytest.mark.docker
SAVE = ("docker", "save", "cloche/bash:latest")
SCRIPT = Path(__file__).parents[3] / "scripts/test_dockerd.py"


@pytest.fixture
def small_engine(docker_socket: str, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An Engine whose disk holds the image of bash and little else: its folder and its socket."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=True)
    try:
        started = subprocess.run([sys.executable, SCRIPT, "start", disk], check=True, capture_output=True, text=True)
        socket = started.stdout.strip()
        with subprocess.Popen(SAVE, env=host(docker_socket), stdout=subprocess.PIPE) as save:
            subprocess.run(["docker", "load", "--quiet"], env=host(socket), stdin=save.stdout, check=True)
        assert save.returncode == 0
        yield disk, socket
    finally:
        subprocess.run([sys.executable, SCRIPT, "stop", disk], check=True)
        subprocess.run(["umount", disk], check=True)


def host(socket: str) -> dict[str, str]:
    return {**os.environ, "DOCKER_HOST": f"unix://{socket}"}


def fill(disk: Path) -> Path:
    """Leave not a byte."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 20)) > 0:
            pass
    return ballast


async def test_trouble_is_told_while_the_proxy_is_away_and_its_return_once(start_proxy: Any) -> None:
    proxy = start_proxy()
    returned: list[str] = []
    watch = EngineWatch(DockerEngine(proxy.address, owner="watched"), lambda: returned.append("back"))
    await watch.ask()
    assert watch.trouble == ""
    proxy.process.kill()
    proxy.process.wait()
    for _ in range(2):
        await watch.ask()
        assert "does not answer" in watch.trouble
    proxy.start()
    for _ in range(2):
        await watch.ask()
        assert watch.trouble == ""
    assert returned == ["back"]


async def test_an_engine_that_is_away_behind_its_proxy_is_told_too(start_proxy: Any) -> None:
    proxy = start_proxy()
    watch = EngineWatch(DockerEngine(proxy.address, owner="watched"), lambda: None)
    os.unlink(proxy.settings["DOCKER_SOCKET"])  # noqa: PTH108  (at once, in an event loop)
    await watch.ask()
    assert watch.trouble == "The Docker Engine does not answer."


@pytest.mark.timeout(180)
async def test_an_engine_whose_disk_is_full_is_told_until_it_makes_containers_again(
    small_engine: tuple[Path, str], start_proxy: Callable[..., Any]
) -> None:
    disk, socket = small_engine
    proxy = await asyncio.to_thread(start_proxy, DOCKER_SOCKET=socket)
    engine = DockerEngine(proxy.address, owner="full")
    watch = EngineWatch(engine, lambda: None)
    await engine.start()
    (bash,) = load_runtimes(only=("bash",))
    spec = CellSpec("full", bash, (await engine.toolchains(bash))[0], Limits())
    try:
        await (await engine.open(spec)).destroy()
        ballast = await asyncio.to_thread(fill, disk)
        await watch.ask()
        assert watch.trouble == ""  # nobody knows yet
        with pytest.raises(EngineError):
            await engine.open(spec)
        for _ in range(2):
            await watch.ask()
            assert "is its disk full" in watch.trouble
        ballast.unlink()
        await watch.ask()
        assert watch.trouble == ""
        await (await engine.open(spec)).destroy()
    finally:
        await engine.close()
