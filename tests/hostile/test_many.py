"""The hostile programs in their long forms: all of them twice, sixteen at once, and with cells kept ready."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import baits
import pytest
from afterwards import Traces, cell_groups, quiet, settled
from batch import RUNTIMES, attempts, pythons, run_all, why_not
from executor_under_test import ExecutorProcess, running_executor
from expectation import load_all

from cloche.contracts.words import Isolation

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
_TIERS: tuple[Isolation, ...] = ("namespace", "process")
_ATTEMPTS = attempts(load_all(), _TIERS)


def test_all_of_them_twice_in_a_row(tmp_path: Path) -> None:
    complaints, before, after = _run(tmp_path, slots=8, times=2)
    assert complaints == {}
    assert after == before


def test_sixteen_at_once(tmp_path: Path) -> None:
    complaints, before, after = _run(tmp_path, slots=16, times=1)
    assert complaints == {}
    assert after == before


def test_with_cells_kept_ready(tmp_path: Path) -> None:
    """As people run it; when the executor has ended, nothing is left of it."""
    with baits.laid_out() as bait, _executor(tmp_path, bait, slots=4, ready_cells=2) as executor:
        complaints = asyncio.run(_complaints(executor, 4))
    assert complaints == {}
    assert cell_groups(executor.pid) == []


def _run(directory: Path, *, slots: int, times: int) -> tuple[dict[str, list[str]], Traces, Traces]:
    with baits.laid_out() as bait, _executor(directory, bait, slots=slots, ready_cells=0) as executor:
        before = asyncio.run(quiet(executor.pid))
        complaints: dict[str, list[str]] = {}
        for _ in range(times):
            complaints |= asyncio.run(_complaints(executor, slots))
        return complaints, before, asyncio.run(settled(executor.pid, before))


def _executor(
    directory: Path, bait: baits.Baits, *, slots: int, ready_cells: int
) -> AbstractContextManager[ExecutorProcess]:
    return running_executor(
        directory,
        extra=bait.environment,
        inherited=[bait.descriptor],
        slots=str(slots),
        runtimes=RUNTIMES,
        tiers='["process", "namespace"]',
        ready_cells=str(ready_cells),
    )


async def _complaints(executor: ExecutorProcess, slots: int) -> dict[str, list[str]]:
    async with executor.worker() as worker:
        offer = await worker.offer()
        python = await pythons(worker, _ATTEMPTS)
        wanted = [replace(a, python=python[a.tier]) for a in _ATTEMPTS if why_not(a, offer) is None]
        said = await run_all(worker, wanted, slots)
    return {name: complaints for name, complaints in said.items() if complaints}
