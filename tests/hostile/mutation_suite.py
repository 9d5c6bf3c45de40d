"""Each defence switched off alone: a program that names it must then fail, or it proves nothing.

``make test-mutation`` runs this file; its name keeps it out of every other run. As root, with cgroups.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import baits
import mutations
import pytest
from afterwards import Traces, quiet, settled
from batch import RUNTIMES, Attempt, attempts, pythons, run_all, why_not
from executor_under_test import ExecutorProcess, running_executor
from expectation import DEFENCES, Defence, load_all

from cloche.contracts.words import Isolation

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
    pytest.mark.timeout(300),
]

TIERS: tuple[Isolation, ...] = ("namespace", "process")
#: What a program that is no longer held may take until its lease ends it.
_LEASE_S = 15.0
_SLOTS = 6


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("launcher")
    for place in (directory, *directory.parents):
        if place.stat().st_mode & 0o777 == 0o700:
            place.chmod(0o711)
    return mutations.build_mutable_launcher(directory)


def naming(defence: Defence) -> list[Attempt]:
    """The programs that would break without it, each in the tiers where they would.

    In a tier without namespaces no program runs as the host's root.
    """
    tiers = TIERS[:1] if "own-user" in mutations.BEFORE.get(defence, ()) else TIERS
    return [a for a in attempts(load_all(), tiers) if a.expected.names(defence, a.tier)]


@pytest.mark.parametrize("defence", DEFENCES)
def test_programs_that_name_a_defence_fail_without_it(launcher: Path, tmp_path: Path, defence: Defence) -> None:
    wanted = naming(defence)
    assert wanted, "no program names it"
    off = ",".join((defence, *mutations.BEFORE.get(defence, ())))
    complaints, before, after = _run(wanted, off, launcher, tmp_path)
    caught = sorted(name for name, said in complaints.items() if said)
    print(f"{defence}: {len(caught)} of {len(wanted)} programs: {', '.join(caught)}")  # noqa: T201  (what the run is for)
    assert caught or after != before


@pytest.mark.parametrize("defence", mutations.BEFORE)
def test_programs_that_name_a_defence_are_held_by_it_alone(launcher: Path, tmp_path: Path, defence: Defence) -> None:
    """Without what lies before it."""
    complaints, _, _ = _run(naming(defence), ",".join(mutations.BEFORE[defence]), launcher, tmp_path)
    assert {name: said for name, said in complaints.items() if said} == {}


def test_all_of_them_are_held_with_every_defence(launcher: Path, tmp_path: Path) -> None:
    """The same executor with nothing switched off: what fails above fails for want of its defence."""
    complaints, before, after = _run(attempts(load_all(), TIERS), mutations.NONE, launcher, tmp_path)
    assert {name: said for name, said in complaints.items() if said} == {}
    assert after == before


def _run(
    wanted: list[Attempt], off: str, launcher: Path, directory: Path
) -> tuple[dict[str, list[str]], Traces, Traces]:
    command = [str(Path(mutations.__file__).with_name("mutated_executor.py")), off, str(launcher)]
    with (
        baits.laid_out() as bait,
        running_executor(
            directory,
            command=command,
            extra=bait.environment,
            inherited=[bait.descriptor],
            slots=str(_SLOTS),
            runtimes=RUNTIMES,
            tiers='["process", "namespace"]',
        ) as process,
    ):
        tried = asyncio.run(_tried(process, wanted))
    for mark in tried[2].files:
        Path(mark).unlink(missing_ok=True)
    return tried


async def _tried(process: ExecutorProcess, wanted: list[Attempt]) -> tuple[dict[str, list[str]], Traces, Traces]:
    async with process.worker() as worker:
        offer = await worker.offer()
        python = await pythons(worker, wanted)
    before = await quiet(process.pid)
    able = [replace(a, python=python[a.tier]) for a in wanted if why_not(a, offer) is None]
    assert able, "\n".join(f"{a.id}: {why_not(a, offer)}" for a in wanted)
    async with process.worker() as worker:
        complaints = await run_all(worker, able, _SLOTS, lease_s=_LEASE_S)
    after = await settled(process.pid, before)
    return complaints, before, after
