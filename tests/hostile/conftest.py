"""One real executor for this folder's tests."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import baits
from batch import RUNTIMES
from executor_under_test import ExecutorProcess, Worker, running_executor

from cloche.contracts.execution import ExecutorOffer

SLOTS = 8


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutorProcess]:
    """With baits around it, every tier that this host has, and ``SLOTS`` slots."""
    changed = {"slots": str(SLOTS), "runtimes": RUNTIMES, "tiers": '["process", "namespace"]'}
    directory = tmp_path_factory.mktemp("executor")
    with (
        baits.laid_out() as bait,
        running_executor(directory, extra=bait.environment, inherited=[bait.descriptor], **changed) as process,
    ):
        yield process


@pytest.fixture(scope="module")
def offer(executor: ExecutorProcess) -> ExecutorOffer:
    """What it can run here."""

    async def ask() -> ExecutorOffer:
        async with executor.worker() as worker:
            return await worker.offer()

    return asyncio.run(ask())


@pytest.fixture
async def worker(executor: ExecutorProcess) -> AsyncIterator[Worker]:
    async with executor.worker() as worker:
        yield worker
