"""One composed system for all tests of this folder, on an Engine with networks of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .engine import Engine, networked_engine, outside_of, threads_at
from .system import System, build_images, running_system

#: The first test waits for images to be built and for everything to be up.
_TIMEOUT_S = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with networked_engine() as running:
        yield running


@pytest.fixture(scope="session")
def outside(engine: Engine) -> Iterator[ThreadPoolExecutor]:
    """Threads of a host that reaches the Engine's machine over a network, as browsers do."""
    with outside_of(engine) as world, threads_at(world) as threads:
        yield threads


@pytest.fixture(scope="session")
def machine(engine: Engine) -> Iterator[ThreadPoolExecutor]:
    """Threads of the Engine's machine itself."""
    with threads_at(engine.pid) as threads:
        yield threads


@pytest.fixture(scope="session")
def system(docker_socket: str, engine: Engine, outside, tmp_path_factory) -> Iterator[System]:
    build_images(docker_socket, engine)
    with running_system(engine, tmp_path_factory.mktemp("deploy")) as running:
        yield running
