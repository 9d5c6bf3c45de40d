"""A stack of its own for a benchmark: a fresh data directory and a free port, gone afterwards."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    url: str
    data_dir: Path

    def pids(self) -> dict[str, int]:
        """The process of each part."""
        status = json.loads((self.data_dir / "run" / "status.json").read_text())
        return {child["name"]: child["pid"] for child in status["children"] if child["pid"]}

    async def cell_python(self) -> str:
        """The interpreter that cells run, as a program in one says."""
        body = {"runtime": "python", "source": "import sys; print(sys.executable)"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/v1/evaluations?wait=30", json=body) as answer,
        ):
            return (await answer.json())["stdout"]["text"].strip()


@contextlib.contextmanager
def started_stack(*arguments: str, docker_socket: str = "") -> Iterator[Stack]:
    """``cloche up`` with everything real; ``cloche down`` at the end."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-bench-", dir="/tmp"))
    folder.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cloche = [str(Path(sys.executable).with_name("cloche"))]
    place = ["--data-dir", str(folder / "data")]
    try:
        environ = os.environ | ({"CLOCHE_DOCKERPROXY_DOCKER_SOCKET": docker_socket} if docker_socket else {})
        subprocess.run([*cloche, "up", "--detach", "--port", str(port), *place, *arguments], check=True, env=environ)
        yield Stack(f"http://127.0.0.1:{port}", folder / "data")
    finally:
        subprocess.run([*cloche, "down", *place], check=False)
        shutil.rmtree(folder, ignore_errors=True)
