"""Hostile programs in containers: the real executor, a real Docker Socket Proxy and a real Docker Engine."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import baits
import pytest
from afterwards import host_marks
from batch import RUNTIMES, Attempt, attempts, run_all, why_not
from containers import OCI_RUNTIMES, RunningProxy, SpawnProxy, build_images, running_proxy
from executor_under_test import ExecutorProcess, program, running_executor
from expectation import load_all

from cloche.contracts.words import Isolation

#: Megabytes of stdin are sent at once on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
    pytest.mark.docker,
    pytest.mark.timeout(300),
]
ATTEMPTS = attempts(load_all(), OCI_RUNTIMES)
_SLOTS = 6
#: So many run at once: gVisor's kernel needs CPU of its own, and with more programs meet another limit than theirs.
_AT_ONCE: dict[Isolation, int] = {"container": _SLOTS, "gvisor": 3}


@dataclass(frozen=True)
class Tried:
    """What was wrong with each program, the verdict on a good one after them, and what the host kept of them all."""

    complaints: dict[str, list[str]]
    afterwards: str
    left: list[str]
    marks_before: tuple[int, tuple[str, ...]]
    marks_after: tuple[int, tuple[str, ...]]


@pytest.fixture(scope="module")
def tier(request: pytest.FixtureRequest) -> Isolation:
    return request.param


@pytest.fixture(scope="module")
def proxy(
    tier: Isolation, docker_socket: str, spawn_docker_proxy: SpawnProxy, server_folder: Path
) -> Iterator[RunningProxy]:
    directory = server_folder / f"hostile-{tier}"
    directory.mkdir()
    settings = {"IMAGES": json.dumps(build_images(docker_socket)), "RUNTIME": OCI_RUNTIMES[tier]}
    with running_proxy(spawn_docker_proxy, directory, docker_socket, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def tried(
    tier: Isolation, proxy: RunningProxy, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Tried:
    """All programs that were selected, at once; then the executor ends."""
    names = {item.name for item in request.session.items}
    wanted = [a for a in ATTEMPTS if a.tier == tier and f"test_hostile_program_is_contained[{a.id}]" in names]
    before = host_marks()
    with (
        baits.laid_out() as bait,
        running_executor(
            tmp_path_factory.mktemp("executor"),
            extra=bait.environment,
            inherited=[bait.descriptor],
            engine="docker",
            docker_proxy=proxy.address,
            slots=str(_SLOTS),
            runtimes=RUNTIMES,
        ) as executor,
    ):
        complaints, afterwards = asyncio.run(_try_all(executor, wanted, tier))
    return Tried(complaints, afterwards, proxy.left(), before, host_marks())


async def _try_all(
    executor: ExecutorProcess, wanted: list[Attempt], tier: Isolation
) -> tuple[dict[str, list[str]], str]:
    async with executor.worker() as worker:
        offer = await worker.offer()
        unable = {attempt.id: [reason] for attempt in wanted if (reason := why_not(attempt, offer)) is not None}
        complaints = await run_all(worker, [attempt for attempt in wanted if attempt.id not in unable], _AT_ONCE[tier])
        record = await worker.record(program("print('still here')", isolation=tier))
    return complaints | unable, record.verdict


@pytest.mark.parametrize(
    ("tier", "attempt"),
    [pytest.param(a.tier, a, id=a.id) for a in ATTEMPTS],
    indirect=["tier"],
    scope="module",
)
def test_hostile_program_is_contained(tried: Tried, attempt: Attempt) -> None:
    complaints = tried.complaints[attempt.id]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("tier", OCI_RUNTIMES, indirect=True, scope="module")
def test_nothing_of_them_is_left_on_the_host(tried: Tried) -> None:
    assert tried.afterwards == "accepted"
    assert tried.left == []
    assert tried.marks_after == tried.marks_before
