"""One whole stack for each test process, started and stopped as a person does it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CLOCHE = (sys.executable, "-m", "cloche.cli.main")


@dataclass(frozen=True)
class Stack:
    """A running Cloche. ``environment`` is what a command needs to find it."""

    url: str
    data_dir: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, on a free port, in a folder that goes at the end."""
    # Short and open to the services' own users: sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="cloche-e2e-", dir="/tmp"))
    folder.chmod(0o711)
    data_dir = folder / "data"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CLOCHE_")}
    port = _free_port()
    try:
        up = [*CLOCHE, "up", "--detach", "--port", str(port), "--data-dir", str(data_dir)]
        started = subprocess.run(up, env=clean, capture_output=True, text=True, timeout=110, check=False)
        assert started.returncode == 0, started.stdout + started.stderr
        url = f"http://127.0.0.1:{port}"
        yield Stack(url, data_dir, {**clean, "CLOCHE_URL": url, "CLOCHE_DATA_DIR": str(data_dir)})
    finally:
        subprocess.run([*CLOCHE, "down", "--data-dir", str(data_dir)], env=clean, timeout=110, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
