"""The standing self-test in containers, of runc and of gVisor: sound ones, and some that lack a defence."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from cloche.dockerproxy import policy
from cloche.dockerproxy.app import compose
from cloche.dockerproxy.policy import Cell, Given
from cloche.dockerproxy.settings import ProxySettings
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.docker.gvisor import GvisorSlot
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.runtimes import load_runtimes
from cloche.executor.standing.report import TierReport
from cloche.executor.standing.standing import StandingTest
from cloche.kit.http_exchange import CHUNK_BYTES

pytestmark = pytest.mark.docker

RUNTIMES = {"container": "runc", "gvisor": "runsc"}


async def report_of(address: str) -> TierReport:
    engine = DockerEngine(address, owner="standing")
    await engine.start()
    try:
        standing = StandingTest(engine, load_runtimes(only=("bash",)), ExecutorMetrics())
        await standing.run()
    finally:
        await engine.close()
    (report,) = standing.reports
    return report


@pytest.mark.parametrize(("isolation", "fixture"), [("container", "docker_proxy"), ("gvisor", "gvisor_proxy")])
async def test_containers_hold_every_attempt(isolation: str, fixture: str, request: pytest.FixtureRequest) -> None:
    report = await report_of(request.getfixturevalue(fixture))
    assert (report.tier.isolation, report.broken) == (isolation, [])
    assert {"host_files", "memory", "processes", "disk", "clean_up"} <= {test.name for test in report.tests}


def roomy(cell: Cell) -> dict[str, str]:
    """More disk than was ordered."""
    return policy._tmpfs(replace(cell, order=replace(cell.order, disk_bytes=1 << 28, inodes=10_000)))


def program_user(cell: Cell) -> str:
    """For the launcher too."""
    return f"{cell.uid}:{cell.uid}"


@pytest.fixture
async def careless(
    isolation: str, field: str, value: Any, docker_socket: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A proxy whose containers have another ``value`` of one ``field``."""
    for table in ("CONFIG", "HOST_CONFIG"):
        fields: Any = tuple(
            Given(each.name, value, "a test", "a test") if each.name == field else each
            for each in getattr(policy, table)
        )
        monkeypatch.setattr(policy, table, fields)
    told = {
        "listen": "fd:3",
        "docker_socket": docker_socket,
        "instance": f"careless-{secrets.token_hex(4)}",
        "runtime": RUNTIMES[isolation],
    }
    proxy, _ = await compose(ProxySettings.model_validate(told))
    with tempfile.TemporaryDirectory(prefix="cloche-sd-", dir="/tmp") as folder:
        async with await asyncio.start_unix_server(proxy.connected, f"{folder}/proxy", limit=CHUNK_BYTES):
            yield f"unix:{folder}/proxy"


@pytest.mark.parametrize(("field", "value"), [("Tmpfs", roomy)])
@pytest.mark.parametrize("isolation", RUNTIMES)
async def test_container_with_more_disk_than_ordered_is_told_by_name(isolation: str, careless: str) -> None:
    report = await report_of(careless)
    assert report.tier.isolation == isolation
    assert "disk" in {test.name for test in report.broken}
    assert not report.healthy


@pytest.mark.parametrize(("isolation", "field", "value"), [("gvisor", "User", program_user)])
async def test_gvisor_makes_no_cell_whose_launcher_is_the_programs_user(careless: str) -> None:
    report = await report_of(careless)
    assert not report.healthy
    assert any("the cell is without own-user" in test.message for test in report.broken)


@pytest.mark.parametrize(("isolation", "field", "value"), [("gvisor", "User", program_user)])
async def test_launcher_of_the_programs_user_in_gvisor_is_told_by_name(
    careless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GvisorSlot, "must_have", frozenset())
    report = await report_of(careless)
    assert {"launcher", "launcher_files"} <= {test.name for test in report.broken}


async def test_kernel_that_is_not_gvisors_makes_no_gvisor_cells(
    docker_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Engine whose ``runsc`` is something else: each launcher says what it runs on."""
    monkeypatch.setattr(DockerEngine, "_gvisor", True)
    report = await report_of(docker_proxy)
    assert report.tier.isolation == "gvisor"
    assert not report.healthy
    assert any("the cell is without gvisor" in test.message for test in report.broken)
