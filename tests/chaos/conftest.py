"""A real stack with every part, to be hurt."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CLOCHE = [sys.executable, "-m", "cloche.cli.main"]


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    port: int
    data_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self._cloche("up", "--detach", "--port", str(self.port))

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
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Started once; what a test kills the supervisor brings back."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-chaos-", dir="/tmp"))
    folder.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Stack(port, folder / "data")
    try:
        running.up()
        yield running
    finally:
        running.down()
        shutil.rmtree(folder)
