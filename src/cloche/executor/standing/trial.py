"""Tries attempts in cells of one tier."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from cloche.contracts.words import Isolation, Stream
from cloche.executor.cell import Cell, CellLostError, Command
from cloche.executor.engines.engine import CellSpec, Engine, EngineError, SlotStuckError, Toolchain
from cloche.executor.launcher.protocol import ProtocolError
from cloche.executor.runtimes import Runtime
from cloche.executor.standing.attempts import PREPARATIONS, Attempt, Round
from cloche.executor.standing.outcome import HELD, SAID_BYTES, Outcome, outcome_of
from cloche.kit.ids import uuid7

_PROBE = "cell-probe"
_LEASE_S = 60.0
#: For all attempts of one cell; together they take well under a second.
_ROUND_S = 30.0
#: Whether cells can be cleaned away is tried with every cell.
CLEAN_UP = Attempt("clean_up", "stay when its cell is destroyed")


@dataclass(frozen=True)
class Trial:
    """How attempts are made: with ``probe`` in cells like those of ``runtime``."""

    engine: Engine
    isolation: Isolation
    runtime: Runtime
    toolchain: Toolchain
    probe: bytes
    baits: dict[str, str]

    async def run(self, what: Round) -> list[tuple[Attempt, Outcome]]:
        """Every attempt of this tier and how it ended; what proved nothing was tried twice."""
        attempts = [attempt for attempt in what.attempts if self.isolation in attempt.tiers]
        outcomes, cleaned = await self._until_done(what, attempts)
        unclear = [attempt for attempt in attempts if outcomes[attempt].word == "unclear"]
        if unclear:
            again, cleaned_again = await self._until_done(what, unclear)
            outcomes, cleaned = outcomes | again, cleaned if cleaned != HELD else cleaned_again
        return [*outcomes.items(), (CLEAN_UP, cleaned)]

    async def _until_done(self, what: Round, attempts: list[Attempt]) -> tuple[dict[Attempt, Outcome], Outcome]:
        """A cell for all, another one for those behind an attempt that took it down; and whether all are gone."""
        outcomes: dict[Attempt, Outcome] = {}
        waiting = list(attempts)
        reason, cleaned = "", HELD
        try:
            async with asyncio.timeout(_ROUND_S):
                while waiting:
                    await self._in_one_cell(what, waiting, outcomes)
        except SlotStuckError as error:
            reason, cleaned = "The cell before it is not gone.", Outcome("broken", str(error))
        except (EngineError, CellLostError, ProtocolError) as error:
            reason = str(error)
        except TimeoutError:
            reason = "It took too long."
        return outcomes | {attempt: Outcome("unclear", reason) for attempt in waiting}, cleaned

    async def _in_one_cell(self, what: Round, waiting: list[Attempt], outcomes: dict[Attempt, Outcome]) -> None:
        """Moves attempts from ``waiting`` to ``outcomes`` until none is left or the cell is lost."""
        lost = False
        async with self._cell(what) as cell:
            while waiting and not lost:
                attempt = waiting[0]
                try:
                    outcomes[attempt] = await self._try(cell, attempt, what)
                except CellLostError as error:
                    lost = True
                    by_memory = attempt.limit == "memory_bytes" and error.usage.oom_kills > 0
                    outcomes[attempt] = HELD if by_memory else Outcome("unclear", f"The cell was lost: {error}")
                del waiting[0]

    @contextlib.asynccontextmanager
    async def _cell(self, what: Round) -> AsyncGenerator[Cell]:
        spec = CellSpec(f"probe-{uuid7()}", self.runtime, self.toolchain, what.limits, isolation=self.isolation)
        slot = await self.engine.open(spec)
        try:
            cell = Cell(slot)
            await cell.begin([], deadline_s=_LEASE_S)
            await cell.add_files([(_PROBE, self.probe)], mode=0o755)
            yield cell
        finally:
            await slot.destroy()

    async def _try(self, cell: Cell, attempt: Attempt, what: Round) -> Outcome:
        if attempt.after:
            prepared = await self._step(cell, PREPARATIONS[attempt.after], what)
            if prepared != HELD:
                return prepared
        return await self._step(cell, attempt, what)

    async def _step(self, cell: Cell, attempt: Attempt, what: Round) -> Outcome:
        said = bytearray()

        async def keep(stream: Stream, data: bytes) -> None:
            if stream == "stdout":
                said.extend(data[: SAID_BYTES - len(said)])

        args = [self.baits.get(arg, arg) for arg in attempt.args]
        command = Command((f"./{_PROBE}", attempt.name, *args), (("PROBE", attempt.name),))
        facts = await cell.run(command, attempt.within or what.limits, keep)
        return outcome_of(attempt, facts, bytes(said))
