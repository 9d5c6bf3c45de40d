"""A clock of a running process moves when it is told to, and only wall time does."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .clocks import Clocks, interpreter_with_clocks

_TELL = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
_NEAR_S = 30


@contextmanager
def telling(argv: list[str], environment: dict[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A process that tells its times when it is asked."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        yield process


def told(process: "subprocess.Popen[str]") -> tuple[float, float]:
    """How far its wall time and its monotonic time are from ours, in seconds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    wall, monotonic = process.stdout.readline().split()
    return float(wall) - time.time(), float(monotonic) - time.monotonic()


def until_wrong_by(process: "subprocess.Popen[str]", by_s: int) -> None:
    """Ask until its wall time is that wrong; its other clock never is."""
    while True:
        wall, monotonic = told(process)
        assert abs(monotonic) < _NEAR_S
        if abs(wall - by_s) < _NEAR_S:
            return
        time.sleep(0.1)


def test_clock_of_a_command_moves_while_it_runs(tmp_path: Path):
    clocks = Clocks(tmp_path / "clocks", ("one", "other"))
    with telling(clocks.command("one", ["/usr/bin/python3", "-c", _TELL])) as process:
        until_wrong_by(process, 0)
        clocks.move("one", 3600)
        clocks.move("other", -7200)
        until_wrong_by(process, 3600)
        clocks.move("one", 0)
        until_wrong_by(process, 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """On the file system of the interpreter whose files are linked."""
    return Path(__file__).parents[2] / ".cache" / tmp_path.name


def test_service_of_the_linked_interpreter_lives_by_its_clock_and_nothing_else_does(home: Path):
    with interpreter_with_clocks(home, ("queue",)) as (python, clocks):
        clocks.move("queue", 3600)
        service = {**os.environ, "CLOCHE_QUEUE_SECRETS_FILE": "/run/secrets/queue.json"}
        with telling([str(python), "-c", _TELL], service) as process:
            until_wrong_by(process, 3600)
        with telling([str(python), "-c", _TELL]) as process:
            until_wrong_by(process, 0)
    home.rmdir()
