"""The standing self-test: hostile programs against each tier, at start, on a schedule, and on suspicion.

Only tiers in which every one of them was held are offered and run anybody's code.
"""

import asyncio
import contextlib
import time

from cloche.contracts.words import Isolation
from cloche.executor.engines.engine import Engine, EngineError, EngineUnusableError, Tier, Toolchain
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.probe.binary import find_probe
from cloche.executor.runtimes import HostTool, Runtime, SelfTest
from cloche.executor.standing.attempts import ROUNDS, Attempt, Round
from cloche.executor.standing.baits import laid_out
from cloche.executor.standing.outcome import Outcome
from cloche.executor.standing.report import TierReport, as_tests
from cloche.executor.standing.trial import Trial
from cloche.kit.clock import iso_now
from cloche.kit.logs import get_logger

log = get_logger()

#: Cells at once, beside those of programs.
_CELLS = 2
#: A tier that broke is tried again sooner than the schedule says: a host may recover.
_RETRY_S = 30.0
#: Suspicions that come faster are answered by one test.
_DEBOUNCE_S = 5.0

#: Cells of the self-test see what a shell's cells see.
_PROBE_RUNTIME = Runtime(
    name="cell-probe",
    title="The standing self-test",
    source_file="main",
    highlight="text",
    version=("{tool}",),
    run=("{tool}",),
    host=HostTool(commands=("sh",)),
    self_test=SelfTest(source="", expected=""),
)


class StandingTest:
    """Tests ``engine``'s tiers. ``runtimes`` lend their toolchain where the engine has no plain cell."""

    def __init__(self, engine: Engine, runtimes: list[Runtime], metrics: ExecutorMetrics) -> None:
        self._engine = engine
        self._runtimes = runtimes
        self._metrics = metrics
        self._reports: dict[Isolation, TierReport] = {}
        self._suspected = asyncio.Event()

    @property
    def reports(self) -> list[TierReport]:
        """The last report of each tier, weakest tier first."""
        return [self._reports.get(tier.isolation) or TierReport(tier) for tier in self._engine.tiers]

    @property
    def done(self) -> bool:
        """Whether each tier has been tested."""
        return all(report.tested_at is not None for report in self.reports)

    @property
    def healthy_tiers(self) -> list[Tier]:
        """Those that programs may run in, weakest first."""
        return [report.tier for report in self.reports if report.healthy]

    def suspect(self) -> None:
        """Something happened that a sound cell does not do: test again, soon."""
        self._suspected.set()

    async def watch(self, recheck_s: float) -> None:
        """Test now, then every ``recheck_s`` seconds and after each suspicion; until cancelled."""
        while True:
            self._suspected.clear()
            await self.run()
            pause_s = recheck_s if len(self.healthy_tiers) == len(self.reports) else min(recheck_s, _RETRY_S)
            await asyncio.sleep(min(_DEBOUNCE_S, pause_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._suspected.wait()

    async def run(self) -> None:
        """Test every tier once. What was known of a tier stays until its test is over."""
        slots = asyncio.Semaphore(_CELLS)
        await asyncio.gather(*(self._test(tier, slots) for tier in self._engine.tiers))

    async def _test(self, tier: Tier, slots: asyncio.Semaphore) -> None:
        begun = time.monotonic()
        outcomes = await self._outcomes(tier, slots)
        took_ms = round((time.monotonic() - begun) * 1000)
        report = TierReport(tier, as_tests(outcomes), iso_now(), took_ms)
        self._reports[tier.isolation] = report
        self._metrics.tier_healthy.labels(tier.isolation).set(report.healthy)
        self._metrics.tier_broken.labels(tier.isolation).set(len(report.broken))
        self._metrics.tier_tested.labels(tier.isolation).set_to_current_time()
        if report.healthy:
            log.info("tier.held", isolation=tier.isolation, tests=len(report.tests), took_ms=took_ms)
        for test in report.broken:
            log.error("tier.broken", isolation=tier.isolation, test=test.name, message=test.message)

    async def _outcomes(self, tier: Tier, slots: asyncio.Semaphore) -> list[tuple[Attempt, Outcome]]:
        async def one(what: Round) -> list[tuple[Attempt, Outcome]]:
            async with slots:
                return await trial.run(what)

        try:
            toolchain, probe = await self._toolchain(), find_probe().read_bytes()
            with laid_out() as baits:
                trial = Trial(self._engine, tier.isolation, _PROBE_RUNTIME, toolchain, probe, baits)
                return [pair for pairs in await asyncio.gather(*map(one, ROUNDS)) for pair in pairs]
        except (EngineError, OSError) as error:
            reason = Outcome("unclear", f"It could not be tried: {error}")
            return [(attempt, reason) for what in ROUNDS for attempt in what.attempts]

    async def _toolchain(self) -> Toolchain:
        """The engine's way to make a plain cell, else the first runtime's that it can make.

        Raises:
            EngineError: it can make none.
        """
        for runtime in (_PROBE_RUNTIME, *self._runtimes):
            with contextlib.suppress(EngineError):
                return (await self._engine.toolchains(runtime))[0]
        raise EngineUnusableError("no toolchain can be found for its cells")
