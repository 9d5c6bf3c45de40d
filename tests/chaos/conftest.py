"""A real stack with every part, to be hurt."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .docker_engine import KillableEngine

#: When the proxy's janitor removes what no longer runs, in seconds.
LINGER_S = 3
CLOCHE = [sys.executable, "-m", "cloche.cli.main"]


@dataclass(frozen=True)
class Stack:
    """A running stack. ``options`` are of ``cloche up``, ``environment`` is on top of ours."""

    port: int
    data_dir: Path
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self._cloche("up", "--detach", "--port", str(self.port), *self.options)

    def down(self) -> None:
        self._cloche("down")

    def status(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run" / "status.json").read_text())

    def child(self, name: str) -> dict[str, Any]:
        return next(child for child in self.status()["children"] if child["name"] == name)

    def kill(self, name: str) -> None:
        """kill -9 a part."""
        os.kill(self.child(name)["pid"], signal.SIGKILL)

    def _cloche(self, command: str, *options: str) -> None:
        done = subprocess.run(
            [*CLOCHE, command, *options, "--data-dir", str(self.data_dir)],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Started once; what a test kills the supervisor brings back."""
    with _running() as running:
        yield running


@pytest.fixture(scope="session")
def killable_engine(docker_socket: str) -> Iterator[KillableEngine]:
    """A Docker Engine that has the image of bash."""
    engine = KillableEngine()
    engine.start()
    try:
        engine.copy_image("cloche/bash:latest", docker_socket)
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def docker_stack(killable_engine: KillableEngine) -> Iterator[Stack]:
    """As ``stack``, with every program in a container; the last that waits in the pool goes with it."""
    environment = {
        "CLOCHE_DOCKERPROXY_DOCKER_SOCKET": killable_engine.socket,
        "CLOCHE_DOCKERPROXY_LINGER_S": str(LINGER_S),
        "CLOCHE_EXECUTOR_SLOTS": "4",
    }
    with _running("--engine", "docker", **environment) as running:
        yield running
    assert killable_engine.containers() == []


@contextlib.contextmanager
def _running(*options: str, **environment: str) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="cloche-chaos-", dir="/tmp"))
    folder.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Stack(port, folder / "data", options, environment)
    try:
        running.up()
        yield running
    finally:
        running.down()
        shutil.rmtree(folder)
