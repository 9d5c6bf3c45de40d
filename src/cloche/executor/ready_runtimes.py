"""Which runtimes work here, in which versions; only what has just passed its self-test is announced."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.values import as_message
from cloche.executor.added_runtimes import load_added
from cloche.executor.engines.engine import Engine, EngineError, Toolchain
from cloche.executor.execution import ReadyRuntime
from cloche.executor.runtimes import Runtime
from cloche.executor.selftest import NoRoomError, SelfTestError, check_runtime
from cloche.kit.logs import get_logger

log = get_logger()

#: What worked and no longer does is tried again sooner than the schedule says.
_RETRY_S: Final = 30.0
#: Between attempts while there is no room for a cell.
_NO_ROOM_S: Final = 1.0
#: Self-tests at once; programs of users run beside them.
_AT_ONCE: Final = 2


@dataclass(frozen=True)
class _Candidate:
    """One toolchain of one way to run a runtime, not tried yet."""

    way: Runtime
    toolchain: Toolchain


class ReadyRuntimes:
    """Finds and tests ``own`` runtimes and those of the folder ``added``; knows them by name and version."""

    def __init__(self, engine: Engine, own: list[Runtime], added: Path | None = None) -> None:
        self._engine = engine
        self._own = own
        self._added = added
        self._ready: dict[str, list[ReadyRuntime]] = {}
        self._refused: dict[str, dict[str, str]] = {}
        self._unusable: dict[str, str] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._recheck = asyncio.Event()
        #: Whether the preferred version of each runtime has been tried.
        self.checked = False

    def offers(self) -> list[RuntimeOffer]:
        """What may be announced: each runtime's preferred version before its others."""
        return [ready.offer for versions in self._ready.values() for ready in versions] if self.checked else []

    def refused(self) -> dict[str, str]:
        """Why a runtime, a further version of one, or one that was added, is not offered."""
        refused = {key: reason for reasons in self._refused.values() for key, reason in reasons.items()}
        return refused | self._unusable

    def find(self, wanted: str) -> ReadyRuntime | None:
        """The preferred version that answers to ``name`` or ``name@version``."""
        versions = (ready for found in self._ready.values() for ready in found)
        return next((ready for ready in versions if ready.offer.answers_to(wanted)), None)

    def recheck(self) -> None:
        """Have ``watch`` check now."""
        self._recheck.set()

    async def watch(self, interval_s: float) -> None:
        """Check, every ``interval_s`` seconds and when asked to; until cancelled."""
        while True:
            self._recheck.clear()
            before = set(self._ready)
            await self.check()
            pause_s = interval_s if before <= set(self._ready) else min(interval_s, _RETRY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._recheck.wait()

    async def check(self) -> None:
        """Find every toolchain again and run its self-test; what no longer passes is no longer announced.

        The first time all runtimes are announced together once the preferred version of each
        was tried, so that nobody is told "no such runtime" for one whose turn has not come.
        """
        added, unusable = load_added(self._added, self._own) if self._added else ([], {})
        known = [*self._own, *added]
        names = {runtime.name for runtime in known}
        self._ready = {name: versions for name, versions in self._ready.items() if name in names}
        self._refused = {name: reasons for name, reasons in self._refused.items() if name in names}
        self._unusable = {name: as_message(reason) for name, reason in unusable.items()}
        left = await asyncio.gather(*(self._check_preferred(runtime) for runtime in known))
        self.checked = True
        await asyncio.gather(*(self._check_others(r.name, rest) for r, rest in zip(known, left, strict=True)))

    async def _check_preferred(self, runtime: Runtime) -> list[_Candidate]:
        """Announce the first that passes; those that were not tried."""
        reasons: dict[str, str] = {}
        for way in runtime.ways:
            candidates = await self._candidates(way, reasons)
            for index, candidate in enumerate(candidates):
                ready = await self._tried(candidate, reasons)
                if ready is not None:
                    self._ready[runtime.name] = [ready, *self._ready.get(runtime.name, [])[1:]]
                    self._refused[runtime.name] = reasons if index else {}
                    return candidates[index + 1 :]
        self._ready.pop(runtime.name, None)
        reason = as_message("; ".join(dict.fromkeys(reasons.values())))
        self._refused[runtime.name] = {runtime.name: reason}
        log.warning("runtime.refused", runtime=runtime.name, reason=reason)
        return []

    async def _check_others(self, name: str, candidates: list[_Candidate]) -> None:
        passed = self._ready.get(name, [])[:1]
        for candidate in candidates:
            ready = await self._tried(candidate, self._refused[name])
            if ready is not None and ready.offer.version not in {other.offer.version for other in passed}:
                passed.append(ready)
        if passed:
            self._ready[name] = passed

    async def _candidates(self, way: Runtime, reasons: dict[str, str]) -> list[_Candidate]:
        try:
            async with self._turns:
                return [_Candidate(way, found) for found in await self._engine.toolchains(way)]
        except EngineError as error:
            reasons[f"{way.name} {len(reasons)}"] = str(error)
            return []

    async def _tried(self, candidate: _Candidate, reasons: dict[str, str]) -> ReadyRuntime | None:
        try:
            ready = await self._tested(candidate)
        except SelfTestError as error:
            reasons[f"{candidate.way.name} of {candidate.toolchain.tool}"[:200]] = as_message(str(error))
            return None
        log.info("runtime.ready", runtime=ready.offer.name, version=ready.offer.version, tool=candidate.toolchain.tool)
        return ready

    async def _tested(self, candidate: _Candidate) -> ReadyRuntime:
        """Waits for room as programs do: what was known stays announced meanwhile."""
        while True:
            with contextlib.suppress(NoRoomError):
                async with self._turns:
                    return await check_runtime(candidate.way, candidate.toolchain, self._engine)
            await asyncio.sleep(_NO_ROOM_S)
