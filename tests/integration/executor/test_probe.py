"""Every attempt of the standing self-test gets through where there is no cell, or it would prove nothing."""

import os
import platform
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloche.executor.probe.binary import find_probe
from cloche.executor.standing.attempts import ROUNDS, Attempt
from cloche.executor.standing.baits import laid_out

#: Whether descriptors are inherited is the caller's choice also without a cell: that has a test of its own.
ATTEMPTS = [attempt for what in ROUNDS for attempt in what.attempts if attempt.name != "descriptors"]
#: An ordinary user's kernel holds these, cell or not.
AS_ROOT = {"write_root", "devices", "mounts"}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Path]:
    """A work directory; whoever still works there afterwards is ended."""
    yield tmp_path
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == tmp_path:
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_attempt_gets_through_without_a_cell(attempt: Attempt, bare: Path) -> None:
    if attempt.name in AS_ROOT and os.geteuid() != 0:
        pytest.skip("only root could do that")
    if attempt.after:
        assert said(attempt.after, (), bare) == "held"
    with laid_out() as baits:
        answer = said(attempt.name, tuple(baits.get(arg, arg) for arg in attempt.args), bare)
    if attempt.name == "foreign_calls" and answer == "held":
        pytest.skip(f"this {platform.machine()} kernel takes no other architecture's calls")
    assert answer.startswith("broken: "), answer


def test_inherited_descriptor_is_found(bare: Path) -> None:
    with (bare / "open").open("wb") as inherited:
        number = inherited.fileno()
        answer = said("descriptors", (), bare, number)
    assert answer == f"broken: use inherited descriptor {number}"
    assert said("descriptors", (), bare) == "held"


def test_environment_that_was_given_is_no_leak(bare: Path) -> None:
    assert said("environment", ("SECRET",), bare) == "held"
    assert said("environment", ("SECRE",), bare) == "broken: read the variable SECRET"


def test_bait_is_read_by_its_very_path(bare: Path) -> None:
    with laid_out() as baits:
        (path,) = (word for word in baits.values() if word.startswith("/"))
        assert said("host_files", (path,), bare) == f"broken: open {path} to read it"
    assert not Path(path).exists()


def test_unknown_attempt_is_an_error(bare: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        said("nothing", (), bare)


def said(name: str, args: tuple[str, ...], work: Path, *inherited: int) -> str:
    """The last line that the probe writes."""
    done = subprocess.run(
        [find_probe(), name, *args],
        cwd=work,
        env={"SECRET": "x"},
        input=b"",
        capture_output=True,
        pass_fds=inherited,
        timeout=60,
        check=True,
    )
    return done.stdout.decode().strip().rpartition("\n")[2]
