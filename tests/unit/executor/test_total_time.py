"""Cases together may take as long as their cell lives; what ends there is a verdict of the program's."""

from typing import Any

import pytest

from cloche.contracts.limits import MOST_TOTAL_S, Limits
from cloche.contracts.submission import Case
from cloche.executor.cell import Command, StepFacts
from cloche.executor.engines.engine import SlotUsage
from cloche.executor.launcher.protocol import Done
from cloche.executor.outbox import Outbox
from cloche.executor.program import Prepared
from cloche.executor.steps import Steps

from .gated_slot import PROGRAM, TIER

COMMAND = Command((), ())


class Cell:
    """Its programs take as long as the test says, one after the other."""

    def __init__(self, *took_s: float, exit_code: int = 0) -> None:
        self._took_s = list(took_s)
        self._exit_code = exit_code

    async def add_files(self, _: Any) -> None:
        pass

    def at_home(self, command: Command) -> Command:
        return command

    async def run(self, *_: Any) -> StepFacts:
        wall_us = round(self._took_s.pop(0) * 1e6)
        done = Done(self._exit_code, -1, "none", -1, 0, wall_us, 900, 1_000_000, -1, -1, 0, 0, 0, 0, 0)
        return StepFacts(done, SlotUsage(), Limits())


async def ran(cell: Cell, cases: int) -> Any:
    program = PROGRAM.model_copy(update={"cases": [Case(name=str(n)) for n in range(cases)]})
    outbox: Any = Outbox()
    cell_: Any = cell
    steps = Steps(cell_, program, Prepared([], None, [COMMAND] * cases), outbox, lambda: False)
    return await steps.run(runtime="python@3", engine="local", tier=TIER)


async def test_no_case_begins_once_those_before_took_all_the_time() -> None:
    record = await ran(Cell(MOST_TOTAL_S / 2, MOST_TOTAL_S / 2), cases=4)
    assert [case.verdict for case in record.cases] == ["accepted", "accepted", None, None]
    assert record.verdict == "time_limit_exceeded"
    evidence = record.evidence
    assert (evidence.source, evidence.limit, evidence.limit_value) == ("limit", "total_time_s", MOST_TOTAL_S)
    assert evidence.measured == pytest.approx(MOST_TOTAL_S)


async def test_the_last_case_may_end_beyond_it() -> None:
    record = await ran(Cell(MOST_TOTAL_S - 1, 300), cases=2)
    assert record.verdict == "accepted"


async def test_a_case_that_failed_before_decides() -> None:
    record = await ran(Cell(MOST_TOTAL_S, exit_code=3), cases=2)
    assert (record.verdict, record.exit_code) == ("runtime_error", 3)
