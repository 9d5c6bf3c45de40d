"""One whole stack for each test process, started and stopped as a person does it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

CLOCHE = (sys.executable, "-m", "cloche.cli.main")

#: What no log may hold, whatever was sent: each is the sign of a defect.
DEFECTS = ("http.defect", "Exception in ASGI", "never retrieved", "Traceback")

Submit = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Stack:
    """A running Cloche. ``environment`` is what a command needs to find it."""

    url: str
    data_dir: Path
    environment: dict[str, str]

    def client(self, **headers: str) -> httpx.Client:
        """HTTP as a stranger speaks it."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=90, trust_env=False)

    def defects(self) -> list[str]:
        """Lines of the services' logs that should not be there."""
        logs = sorted((self.data_dir / "log").glob("*.log"))
        lines = (line for log in logs for line in log.read_text(errors="replace").splitlines())
        return [f"{line[:300]} … {line[-1500:]}" for line in lines if any(sign in line for sign in DEFECTS)]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, on a free port, in a folder that goes at the end."""
    with running_stack() as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    """The public interface, as bytes and JSON; nothing of our client."""
    with stack.client() as client:
        yield client


@pytest.fixture
def run(api: httpx.Client) -> Submit:
    """Submit a body and wait for its verdict: the evaluation as JSON."""

    def submit(runtime: str = "python", **body: Any) -> dict[str, Any]:
        answer = api.post("/api/v1/evaluations?wait=60", json={"runtime": runtime, **body})
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert found["status"] == "finished", found
        return found

    return submit


@contextlib.contextmanager
def running_stack(*options: str, **environment: str) -> Iterator[Stack]:
    """A stack with these options of ``cloche up``, and of the environment also this."""
    # Short and open to the services' own users: sockets lie below it.
    folder = Path(tempfile.mkdtemp(prefix="cloche-e2e-", dir="/tmp"))
    folder.chmod(0o711)
    data_dir = folder / "data"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CLOCHE_", "OTEL_"))}
    clean |= environment
    port = free_port()
    try:
        up = [*CLOCHE, "up", "--detach", "--port", str(port), "--data-dir", str(data_dir), *options]
        started = subprocess.run(up, env=clean, capture_output=True, text=True, timeout=110, check=False)
        assert started.returncode == 0, started.stdout + started.stderr
        url = f"http://127.0.0.1:{port}"
        yield Stack(url, data_dir, {**clean, "CLOCHE_URL": url, "CLOCHE_DATA_DIR": str(data_dir)})
    finally:
        subprocess.run([*CLOCHE, "down", "--data-dir", str(data_dir)], env=clean, timeout=110, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def start_stack() -> Callable[..., contextlib.AbstractContextManager[Stack]]:
    """``running_stack``, for tests that want options of their own."""
    return running_stack


@pytest.fixture(autouse=True, scope="module")
def _no_defect_is_logged(stack: Stack) -> Iterator[None]:
    """Whatever a module's tests send, no service may log an unexpected error."""
    before = len(stack.defects())
    yield
    found = stack.defects()[before:]
    assert not found, "\n".join(found)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
