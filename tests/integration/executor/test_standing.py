"""The standing self-test with real engines, sound ones and ones that leave a defence out."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from executor_under_test import Worker, program

from cloche.contracts.capabilities import Capabilities
from cloche.contracts.execution import ExecutionRequest, FailedLine, FinishedLine
from cloche.contracts.submission import Program
from cloche.contracts.words import Isolation, LeaseId
from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.engine import CellSpec, EngineError, Slot, SlotStuckError
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.ready_runtimes import ReadyRuntimes
from cloche.executor.runtimes import load_runtimes
from cloche.executor.service import Equipment, ExecutorService
from cloche.executor.standing import baits
from cloche.executor.standing import standing as standing_module
from cloche.executor.standing.report import TierReport
from cloche.executor.standing.standing import StandingTest
from cloche.kit.errors import UnavailableError
from cloche.kit.ids import uuid7


class AlteredEngine(LocalEngine):
    """Makes cells otherwise than it was asked to: a host that is not set up as it should be."""

    def __init__(self, alter: Callable[[CellSpec], CellSpec], tiers: tuple[Isolation, ...] = ("namespace",)) -> None:
        super().__init__(tiers=tiers)
        self.alter = alter

    async def open(self, spec: CellSpec) -> Any:
        return await super().open(self.alter(spec))


class UnlimitedSlot:
    """A slot on which no limit is set."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._slot, name)

    async def admit(self) -> None: ...
    async def confine(self, limits: Any) -> None: ...


class UnlimitedEngine(LocalEngine):
    """Sets none of the limits that only the kernel holds."""

    async def open(self, spec: CellSpec) -> Any:
        roomy = spec.limits.model_copy(update={"memory_bytes": 1 << 30, "processes": 256})
        return UnlimitedSlot(await super().open(replace(spec, limits=roomy)))


class StickyEngine(LocalEngine):
    """Says of each cell that it could not be proven gone."""

    async def open(self, spec: CellSpec) -> Any:
        slot = await super().open(spec)
        destroy = slot.destroy

        async def destroy_and_complain() -> None:
            await destroy()
            raise SlotStuckError("processes are left")

        slot.destroy = destroy_and_complain
        return slot


class FullEngine(LocalEngine):
    """A host on which no further cell can be made."""

    async def open(self, spec: CellSpec) -> Any:
        raise EngineError("no user is left for another cell")


@pytest.fixture
def shown() -> Iterator[Path]:
    """A directory of the host whose name no cell uses."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="shown-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def started() -> AsyncIterator[Callable[[LocalEngine], Awaitable[StandingTest]]]:
    """Starts engines, and closes them at the end."""
    engines: list[LocalEngine] = []

    async def start(engine: LocalEngine) -> StandingTest:
        await engine.start()
        engines.append(engine)
        return StandingTest(engine, [], ExecutorMetrics())

    yield start
    for engine in engines:
        await engine.close()


def as_it_is(spec: CellSpec) -> CellSpec:
    return spec


def with_loopback(spec: CellSpec) -> CellSpec:
    return replace(spec, network="loopback")


def with_more_disk(spec: CellSpec) -> CellSpec:
    return replace(spec, limits=spec.limits.model_copy(update={"disk_bytes": 1 << 28, "inodes": 10_000}))


def broken(report: TierReport) -> set[str]:
    return {test.name for test in report.broken}


async def test_sound_tiers_hold_every_attempt(started: Any) -> None:
    standing = await started(LocalEngine(tiers=("namespace", "process")))
    assert not standing.done
    assert standing.healthy_tiers == []
    await standing.run()
    assert standing.done
    assert {report.tier.isolation: broken(report) for report in standing.reports} == {
        "process": set(),
        "namespace": set(),
    }
    process, namespace = standing.reports
    assert {test.name for test in namespace.tests} > {test.name for test in process.tests} >= {"host_files", "clean_up"}


async def test_host_directory_in_the_view_breaks_host_files_alone(
    started: Any, shown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def showing(spec: CellSpec) -> CellSpec:
        toolchain = replace(spec.toolchain, readonly=(*spec.toolchain.readonly, str(shown)))
        return replace(spec, toolchain=toolchain)

    standing = await started(AlteredEngine(showing))
    monkeypatch.setattr(tempfile, "tempdir", str(shown))
    await standing.run()
    (report,) = standing.reports
    assert broken(report) == {"host_files"}
    assert str(shown) in report.broken[0].message
    assert standing.healthy_tiers == []


@pytest.mark.parametrize(
    ("alter", "expected"), [(with_loopback, {"sockets"}), (with_more_disk, {"disk", "inodes"})], ids=["network", "disk"]
)
async def test_cell_that_allows_more_than_asked_is_told_by_name(
    started: Any, alter: Callable[[CellSpec], CellSpec], expected: set[str]
) -> None:
    standing = await started(AlteredEngine(alter))
    await standing.run()
    assert broken(standing.reports[0]) >= expected
    assert broken(standing.reports[0]) <= expected | {"beyond", "memory"}


async def test_engine_that_sets_no_limits_is_told_by_name(started: Any) -> None:
    standing = await started(UnlimitedEngine(tiers=("namespace",), cgroup_roots=()))
    await standing.run()
    if "memory:sampled" in standing.reports[0].tier.features:
        pytest.skip("without cgroups the launcher sets the limits, step by step")
    assert broken(standing.reports[0]) == {"memory", "processes"}


@pytest.mark.parametrize(
    ("pattern", "inherited", "expected"),
    [
        ("|/usr/share/apport/apport %p", "unlimited", set()),
        ("|/usr/share/apport/apport %p", "0:0", {"core_dumps"}),
        ("core", "0:0", set()),
        ("@/run/coredump.socket", "unlimited", {"core_dumps"}),
        ("", "unlimited", set()),
    ],
)
async def test_host_that_takes_dumps_otherwise_than_cells_can_refuse_is_told(
    started: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, inherited: str, expected: set[str]
) -> None:
    (tmp_path / "core_pattern").write_text(f"{pattern}\n", encoding="utf-8")
    monkeypatch.setattr(baits, "_CORE_PATTERN", tmp_path / "core_pattern")
    spawn, limited = os.posix_spawn, ["prlimit", f"--core={inherited}"]

    def with_limit(path: str, argv: list[str], env: dict[str, str], **options: Any) -> int:
        return spawn("/usr/bin/prlimit", [*limited, path, *argv[1:]], env, **options)

    monkeypatch.setattr(os, "posix_spawn", with_limit)
    standing = await started(LocalEngine(tiers=("namespace", "process")))
    await standing.run()
    assert [broken(report) for report in standing.reports] == [expected, expected]


async def test_cell_that_can_not_be_cleaned_away_breaks_the_tier(started: Any) -> None:
    standing = await started(StickyEngine(tiers=("namespace",)))
    await standing.run()
    (report,) = standing.reports
    assert "clean_up" in broken(report)
    assert standing.healthy_tiers == []


async def test_engine_that_makes_no_cells_has_no_healthy_tier(started: Any) -> None:
    engine = FullEngine(tiers=("namespace",))
    standing = await started(engine)
    await standing.run()
    (report,) = standing.reports
    assert len(report.broken) == len(report.tests) - 1  # nothing was left to clean up
    assert "no user is left" in report.broken[0].message


async def test_tier_that_recovers_is_offered_again(started: Any) -> None:
    engine = AlteredEngine(with_loopback)
    standing = await started(engine)
    await standing.run()
    assert standing.healthy_tiers == []
    engine.alter = as_it_is
    await standing.run()
    assert [tier.isolation for tier in standing.healthy_tiers] == ["namespace"]


async def test_broken_tier_runs_nobodys_program_and_the_sound_one_does(started: Any) -> None:
    def leaking(spec: CellSpec) -> CellSpec:
        return with_loopback(spec) if spec.isolation == "namespace" else spec

    engine = AlteredEngine(leaking, tiers=("namespace", "process"))
    standing = await started(engine)
    service = await equipped(engine, standing)
    wanted = program("echo on", runtime="bash")
    assert (await last_line(service, wanted)).reason == "unsupported"
    await standing.run()
    offer = service.offer()
    assert (offer.healthy, offer.isolation) == (True, "process")
    assert [(tier.isolation, tier.healthy) for tier in offer.tiers] == [("process", True), ("namespace", False)]
    assert [gauges(standing, tier.isolation) for tier in offer.tiers] == [(1, 0), (0, len(offer.tiers[1].broken))]
    assert (await last_line(service, wanted)).reason == "unsupported"
    record = (await last_line(service, wanted.model_copy(update={"isolation": "process"}))).record
    assert (record.verdict, record.isolation) == ("accepted", "process")


async def test_executor_without_a_sound_tier_is_neither_healthy_nor_ready(started: Any) -> None:
    engine = AlteredEngine(with_loopback)
    standing = await started(engine)
    service = await equipped(engine, standing)
    with pytest.raises(UnavailableError, match="still runs"):
        await service.ensure_ready()
    await standing.run()
    assert not service.offer().healthy
    with pytest.raises(UnavailableError, match=r"No isolation held .* namespace: A program could make a socket"):
        await service.ensure_ready()


async def test_lost_cell_makes_the_executor_test_itself_again(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class LosingEngine(LocalEngine):
        async def open(self, spec: CellSpec) -> Any:
            slot = await super().open(spec)
            if not spec.id.startswith(("probe-", "test-", "ask-")):
                monkeypatch.setattr(slot, "admit", slot.destroy)
            return slot

    monkeypatch.setattr(standing_module, "_DEBOUNCE_S", 0)
    engine = LosingEngine(tiers=("namespace",))
    standing = await started(engine)
    service = await equipped(engine, standing)
    watching = asyncio.create_task(standing.watch(600))
    try:
        first = await until_tested_after(standing, None)
        line = await last_line(service, program("echo on", runtime="bash"))
        assert line.reason == "cell_lost"
        assert await until_tested_after(standing, first) > first
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def test_capabilities_name_every_test_runtime_and_fact(worker: Worker) -> None:
    told = await worker.client.get("/executor/v1/capabilities", Capabilities)
    assert told.offer.healthy
    assert {runtime.name for runtime in told.offer.runtimes} == {"bash", "c", "python"}
    assert told.offer.facts["kernel"]
    (standing,) = told.standing
    (tier,) = told.offer.tiers
    assert (tier.isolation, tier.healthy, tier.held) == (standing.isolation, True, len(standing.tests))
    assert all(test.held and test.threat for test in standing.tests)
    assert tier.tested_at is not None


async def equipped(engine: LocalEngine, standing: StandingTest) -> ExecutorService:
    runtimes = ReadyRuntimes(engine, load_runtimes(only=("bash",)))
    await runtimes.check()
    return ExecutorService(
        "under-test", Equipment(engine, EngineWatch(engine, lambda: None), runtimes, standing), 2, ExecutorMetrics()
    )


def gauges(standing: StandingTest, isolation: Isolation) -> tuple[float | None, float | None]:
    read, labels = standing._metrics.registry.get_sample_value, {"isolation": isolation}
    return read("cloche_executor_tier_healthy", labels), read("cloche_executor_tier_broken_defences", labels)


async def last_line(service: ExecutorService, wanted: Program) -> Any:
    stream = service.open(ExecutionRequest(execution_id=LeaseId(uuid7()), program=wanted))
    last = b"".join([piece async for piece in stream.lines()]).splitlines()[-1]
    await stream.close()
    return FailedLine.model_validate_json(last) if b'"failed"' in last[:20] else FinishedLine.model_validate_json(last)


async def until_tested_after(standing: StandingTest, moment: str | None) -> str:
    """When it was tested, once that is later than ``moment``."""
    async with asyncio.timeout(30):
        while (at := standing.reports[0].tested_at) is None or at == moment:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
    return at
