"""A real executor whose cells are containers, kept ready as people run it."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from containers import RunningProxy, SpawnProxy, running_proxy
from executor_under_test import ExecutorProcess, Worker, running_executor

SLOTS = 4


@pytest.fixture(scope="module")
def proxy(
    docker_socket: str, spawn_docker_proxy: SpawnProxy, tmp_path_factory: pytest.TempPathFactory, server_folder: Path
) -> Iterator[RunningProxy]:
    directory = server_folder / tmp_path_factory.mktemp("proxy").name
    directory.mkdir()
    with running_proxy(spawn_docker_proxy, directory, docker_socket) as running:
        yield running


@pytest.fixture(scope="module")
def executor(proxy: RunningProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutorProcess]:
    settings = {"engine": "docker", "docker_proxy": proxy.address, "slots": str(SLOTS), "runtimes": '["python"]'}
    with running_executor(tmp_path_factory.mktemp("executor"), **settings) as running:
        yield running


@pytest.fixture
async def worker(executor: ExecutorProcess) -> AsyncIterator[Worker]:
    async with executor.worker() as worker:
        yield worker
