"""One real executor for this folder's tests."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from executor_under_test import ExecutorProcess, Worker, running_executor


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutorProcess]:
    with running_executor(tmp_path_factory.mktemp("executor")) as process:
        yield process


@pytest.fixture
async def worker(executor: ExecutorProcess) -> AsyncIterator[Worker]:
    async with executor.worker() as worker:
        yield worker
        await worker.until_idle()
