"""Hostile programs through the real executor, all mixed. A new one is a file and its expected outcome beside it."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from afterwards import Traces, quiet, settled
from batch import Attempt, attempts, pythons, run_all, why_not
from executor_under_test import ExecutorProcess, Worker, program
from expectation import load_all

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.words import Isolation

#: Megabytes of stdin are sent at once on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
TIERS: tuple[Isolation, ...] = ("namespace", "process")
ATTEMPTS = attempts(load_all(), TIERS)


@dataclass(frozen=True)
class Mixed:
    """What was wrong with each program, and what was on the host before and after all of them."""

    complaints: dict[str, list[str]]
    before: Traces
    after: Traces


@pytest.fixture(scope="module")
def mixed(executor: ExecutorProcess, offer: ExecutorOffer, request: pytest.FixtureRequest) -> Mixed:
    """All programs that were selected, at once."""
    names = {item.name for item in request.session.items}
    selected = [a for a in ATTEMPTS if f"test_hostile_program_is_contained[{a.id}]" in names]

    async def run() -> Mixed:
        async with executor.worker() as worker:
            python = await pythons(worker, selected)
        before = await quiet(executor.pid)
        wanted = [replace(a, python=python[a.tier]) for a in selected if why_not(a, offer) is None]
        async with executor.worker() as worker:
            result = await run_all(worker, wanted, offer.slots)
        return Mixed(result, before, await settled(executor.pid, before))

    return asyncio.run(run())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.id)
def test_hostile_program_is_contained(mixed: Mixed, offer: ExecutorOffer, attempt: Attempt) -> None:
    reason = why_not(attempt, offer)
    if reason is not None:
        pytest.skip(reason)
    complaints = mixed.complaints[attempt.id]
    assert not complaints, "\n".join(complaints)


async def test_nothing_of_them_is_left_on_the_host(mixed: Mixed, worker: Worker) -> None:
    assert mixed.after == mixed.before
    assert (await worker.record(program("print('still here')"))).verdict == "accepted"
