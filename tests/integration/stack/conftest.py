"""Stacks and servers of their own for tests that stop, kill and fill them."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloche.stack import control
from cloche.stack.options import Layout, StackOptions
from cloche.stack.status import StackStatus


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder with a short path that other accounts can pass through, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-s-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def find_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def stack_in(folder: Path, parts: tuple[str, ...] = ()) -> Iterator[StackOptions]:
    """A stack below ``folder``, not started yet; stopped at the end, whatever the test did to it."""
    # User ids of this process's own, so that stacks of other tests can't touch this one's files.
    base_uid = 200_000 + secrets.randbelow(10_000) * 60
    options = StackOptions(folder / "d", port=find_port(), parts=parts, base_uid=base_uid)
    try:
        yield options
    finally:
        control.stop_supervisor(options.data_dir)
        for child in list_processes(options.data_dir):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@pytest.fixture
def passable() -> Iterator[Path]:
    """``passable_folder`` for one test."""
    with passable_folder() as folder:
        yield folder


@pytest.fixture
def new_port() -> Callable[[], int]:
    """Call it for a port that nobody had a moment ago."""
    return find_port


@pytest.fixture
def free_port() -> int:
    """A port that nobody had a moment ago."""
    return find_port()


@pytest.fixture
def stack_options(passable: Path) -> Iterator[StackOptions]:
    """A stack of the servers alone for one test, not started yet."""
    with stack_in(passable) as options:
        yield options


@pytest.fixture(scope="module")
def living() -> Iterator[StackOptions]:
    """A running stack of the servers and the queue for tests that leave it whole."""
    with passable_folder() as folder, stack_in(folder, ("queue",)) as options:
        start(options)
        yield options


def list_processes(data_dir: Path) -> set[int]:
    """Every process that has the data directory in its command line or stands in it."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            stands = str((entry / "cwd").readlink()).startswith(f"{data_dir}/")
            if stands or f"{data_dir}/".encode() in command:
                found.add(int(entry.name))
    return found


def start(options: StackOptions) -> StackStatus:
    """Start a stack in the background and answer its state."""
    started = control.start_supervisor(options, attached=False)
    control.await_ready(started)
    reap_later(started.process)
    status = control.running(options.data_dir)
    assert status is not None
    return status


def reap_later(process: subprocess.Popen[bytes]) -> None:
    """Let a killed supervisor not stay a zombie of this process."""
    threading.Thread(target=process.wait, daemon=True).start()


async def eventually(check: Callable[[], object], *, timeout_s: float = 30) -> None:
    """Return once ``check`` is true; fail when it is not in time."""
    async with asyncio.timeout(timeout_s):
        while not check():  # noqa: ASYNC110  (what other processes do sets no event here)
            await asyncio.sleep(0.02)


def cloche(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command ``cloche``."""
    return subprocess.run(
        [sys.executable, "-m", "cloche.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "COLUMNS": "200", **(environment or {})},
    )


def layout_of(options: StackOptions) -> Layout:
    """The names below its data directory."""
    return Layout(options.data_dir)
