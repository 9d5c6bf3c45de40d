"""Runs hostile programs, many at once, and says of each how it differs from what is expected."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from executor_under_test import Worker, program, text
from expectation import Expectation

from cloche.contracts.execution import ExecutorOffer, FailedLine, FinishedLine
from cloche.contracts.limits import CompileLimits
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import Case, Program
from cloche.contracts.words import Isolation
from cloche.kit.errors import ClocheError

#: What the programs are written in, as the executor's setting.
RUNTIMES = '["bash", "c", "javascript", "python"]'

#: How long an executor may take to try every runtime of a host.
_RUNTIMES_S = 20.0


@dataclass(frozen=True)
class Attempt:
    """One program in one tier. ``python`` is the version that its user reaches there; empty: any."""

    expected: Expectation
    tier: Isolation
    python: str = ""

    @property
    def id(self) -> str:
        """As test names and tables show it."""
        return f"{self.tier}-{self.expected.name}"


def attempts(expectations: Iterable[Expectation], tiers: Iterable[Isolation]) -> list[Attempt]:
    """Every program in every of ``tiers`` that it applies to."""
    return [Attempt(each.within(tier), tier) for tier in tiers for each in expectations if each.applies(tier)]


def why_not(attempt: Attempt, offer: ExecutorOffer) -> str | None:
    """Why this executor can't run it; None where it can."""
    expected = attempt.expected
    if expected.root_only and os.geteuid() != 0:
        return "only where the executor is root"
    if not any(runtime.answers_to(expected.runtime) for runtime in offer.runtimes):
        return f"no {expected.runtime} here: {offer.refused_runtimes.get(expected.runtime, 'unknown')}"
    tier = next((tier for tier in offer.tiers if tier.isolation == attempt.tier), None)
    if tier is None or not tier.healthy:
        return f"the tier {attempt.tier} is not offered: {tier or [t.isolation for t in offer.tiers]}"
    if expected.needs_cgroups and "memory:sampled" in tier.features and "gvisor" not in tier.features:
        return f"without cgroups its memory or CPU is only sampled: {'; '.join(tier.lacking)}"
    return None


async def pythons(worker: Worker, wanted: list[Attempt]) -> dict[Isolation, str]:
    """Which version of Python to take in each tier of ``wanted``; see ``Attempt``."""
    found: dict[Isolation, str] = {attempt.tier: "" for attempt in wanted}
    if any(attempt.tier == "process" and attempt.expected.runtime == "python" for attempt in wanted):
        found["process"] = await _reachable_python(worker, "process")
    return found


async def _reachable_python(worker: Worker, tier: Isolation) -> str:
    """The first version that runs in ``tier``: a user of its own may not pass through root's home.

    Empty when none did within the time that an executor takes to try all its runtimes.
    """
    tried: set[str] = set()
    try:
        async with asyncio.timeout(_RUNTIMES_S):
            while True:
                offered = [r.version for r in (await worker.offer()).runtimes if r.name == "python"]
                for version in (v for v in offered if v not in tried):
                    tried.add(version)
                    if await _runs(worker, f"python@{version}", tier):
                        return version
                await asyncio.sleep(0.1)  # the executor tells nobody when it has tried another
    except TimeoutError:
        return ""


async def _runs(worker: Worker, runtime: str, tier: Isolation) -> bool:
    line = await _last_line(worker, program("", isolation=tier).model_copy(update={"runtime": runtime}))
    return isinstance(line, FinishedLine) and line.record.verdict == "accepted"


async def run_all(worker: Worker, wanted: list[Attempt], slots: int, *, lease_s: float = 60.0) -> dict[str, list[str]]:
    """What was wrong with each by its id, ``slots`` of them at once; those that need company go first, alone.

    ``lease_s`` ends what nothing else does.
    """
    result = {
        attempt.id: await _complaints(worker, attempt, lease_s) for attempt in wanted if attempt.expected.together > 1
    }
    free = asyncio.Semaphore(slots)

    async def one(attempt: Attempt) -> None:
        async with free:
            result[attempt.id] = await _complaints(worker, attempt, lease_s)

    await _all(one(attempt) for attempt in wanted if attempt.id not in result)
    return result


async def _all(work: Iterable[Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(_awaited(one))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _complaints(worker: Worker, attempt: Attempt, lease_s: float) -> list[str]:
    expected, wanted = attempt.expected, _program(attempt)
    lines: list[FinishedLine | FailedLine] = []
    try:
        for _ in range(expected.times):
            async with asyncio.timeout(90):
                lines += await asyncio.gather(
                    *(_last_line_of_two(worker, attempt.tier, wanted, lease_s) for _ in range(expected.together))
                )
    except (ClocheError, TimeoutError, aiohttp.ClientError) as error:
        return [f"the executor does not answer: {error!r}"]
    records = [line.record for line in lines if isinstance(line, FinishedLine)]
    said = [complaint for line in lines for complaint in _judge(attempt, line)]
    if expected.together > 1 and len({text(record.stdout.data) for record in records}) < expected.together:
        said.append("cells at once wrote the same")
    return said + _left(expected.afterwards)


def _left(patterns: list[str]) -> list[str]:
    return [f"left on the host: {path}" for pattern in patterns for path in Path("/").glob(pattern[1:])]


async def _last_line_of_two(
    worker: Worker, tier: Isolation, wanted: Program, lease_s: float
) -> FinishedLine | FailedLine:
    """In a gVisor container that was lost it runs once more, as the Queue Service has it.

    The Engine hears of a container's end and of memory as its reason on two ways. Where the reason comes second it says
    "not for memory" for good, and such a run is the platform's fault; the kernel's log shows that it does happen.
    """
    line = await _last_line(worker, wanted, lease_s)
    if isinstance(line, FailedLine) and line.reason == "cell_lost" and tier == "gvisor":
        return await _last_line(worker, wanted, lease_s)
    return line


async def _last_line(worker: Worker, wanted: Program, lease_s: float = 60.0) -> FinishedLine | FailedLine:
    last = (await worker.all_lines(wanted, deadline_s=lease_s))[-1]
    kind: Callable[..., FinishedLine | FailedLine] = FinishedLine if last["type"] == "finished" else FailedLine
    return kind(**last)


def _program(attempt: Attempt) -> Program:
    expected = attempt.expected
    cases = [Case(expected_stdout=expected.answer) for _ in range(expected.cases)]
    wanted = program(
        expected.source,
        runtime=expected.runtime,
        limits=expected.limits,
        compile_limits=CompileLimits(disk_bytes=expected.limits.disk_bytes, inodes=expected.limits.inodes),
        isolation=attempt.tier,
        network=expected.network,
        args=expected.args,
        stdin="x" * expected.stdin_bytes,
        cases=cases,
    )
    if expected.runtime == "python" and attempt.python:
        return wanted.model_copy(update={"runtime": f"python@{attempt.python}"})
    return wanted


def _judge(attempt: Attempt, line: FinishedLine | FailedLine) -> list[str]:
    if isinstance(line, FailedLine):
        return [f"the platform failed: {line.reason}: {line.message}"]
    record = line.record
    said = [*_facts(attempt, record), *_compared(attempt.expected, record)]
    if said:
        said.append(f"{record.message} stderr: {text(record.stderr.data)[-400:]!r}")
        if record.compile is not None and record.verdict == "compile_error":
            said.append(text(record.compile.output)[-800:])
    return said


def _facts(attempt: Attempt, record: ExecutionRecord) -> list[str]:
    said = [] if record.isolation == attempt.tier else [f"ran in the tier {record.isolation}"]
    verdicts = [record.verdict, *(case.verdict for case in record.cases)]
    said += [f"verdict {verdict}" for verdict in verdicts if verdict not in attempt.expected.verdicts]
    most = attempt.expected.limits.output_bytes * max(len(record.cases), 1)
    said += [f"kept {stream.kept} bytes" for stream in (record.stdout, record.stderr) if stream.kept > most]
    return said


def _compared(expected: Expectation, record: ExecutionRecord) -> list[str]:
    said: list[str] = []
    for name, wanted, found in (
        ("limit", expected.limit, record.evidence.limit),
        ("exit code", expected.exit_code, record.exit_code),
        ("signal", expected.signal, record.signal),
        ("stdout", expected.stdout and expected.stdout * max(expected.cases, 1), text(record.stdout.data)),
    ):
        if wanted is not None and wanted != found:
            said.append(f"{name} {found if isinstance(found, int) else str(found)[:600]!r} and not {wanted!r}")
    return said
