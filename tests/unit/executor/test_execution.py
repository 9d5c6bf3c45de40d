from cloche.contracts.execution import FailedLine
from cloche.executor.engines.engine import CellSpec, EngineError, Slot
from cloche.executor.execution import Execution, Ready
from cloche.executor.outbox import Outbox

from .gated_slot import PROGRAM, TIER, GatedEngine, GatedSlot, ready_python


class FullEngine(GatedEngine):
    """An engine of a machine that has no room for a cell."""

    async def open(self, spec: CellSpec) -> Slot:
        raise EngineError("no room\0\x1b[1m")


def execution() -> Execution:
    return Execution("cell", PROGRAM, Ready(ready_python()), FullEngine(GatedSlot()), TIER, Outbox())


async def test_lease_that_has_not_begun_or_has_ended_is_not_extended():
    one = execution()
    await one.extend(5)
    await one.run(5)
    await one.extend(5)


async def test_engines_words_are_made_fit_for_the_wire():
    assert await execution().run(5) == FailedLine(
        reason="engine_error", started=False, message="no room\ufffd\ufffd[1m"
    )
