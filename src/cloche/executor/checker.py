"""A problem's own checker in a cell of its own, by the convention of testlib.

It is started with the paths of the case's input, the program's output and the expected answer. Exit status 0 is
accepted; 1, 2, 4 and 8 are wrong; 7 is partial, where what it says on stderr begins with ``points`` and a fraction.
Anything else, and whatever stops it, is the checker's failure, never the program's.

Source: testlib.h (MikeMirzayanov/testlib), ``quit`` and ``TResult``.
"""

import math
import re
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, Program
from cloche.contracts.words import Stream
from cloche.executor.cell import Cell, CellLostError, Command, LeaseEndedError, StepFacts
from cloche.executor.conversation import GraderFailedError
from cloche.executor.grading import Grade
from cloche.executor.program import Prepared
from cloche.executor.results import outcome_of

_WRONG: Final = {1: "wrong answer", 2: "wrong format", 4: "more output than expected", 8: "output ends too early"}
_PARTIAL: Final = 7
_POINTS: Final = re.compile(r"\s*points\s+(\d+(?:\.\d+)?)\s*(.*)", re.DOTALL)
_PLACES: Final = (".cloche/input.txt", ".cloche/output.txt", ".cloche/answer.txt")
#: How much of its words is kept.
_SAID_BYTES: Final = 1000


class Checker:
    """Checks the outputs of one evaluation, one after another. The cell is opened when it is first needed."""

    def __init__(self, program: Program, prepared: Prepared, open_cell: Callable[[], Awaitable[Cell]]) -> None:
        self._program = program
        self._prepared = prepared
        self._open_cell = open_cell
        self._cell: Cell | None = None

    async def check(self, case: Case, output: bytes) -> Grade:
        """What the checker says of one case's output.

        Raises:
            GraderFailedError: the checker does not compile, was stopped, or failed by its own word.
            LeaseEndedError: the deadline passed meanwhile.
            EngineError: the engine could not do its part.
        """
        try:
            cell = self._cell or await self._begin()
            contents = (case.stdin.encode(), output, (case.expected_stdout or "").encode())
            await cell.add_files(list(zip(_PLACES, contents, strict=True)))
            run = self._prepared.runs[0]
            facts, said = await self._step(cell, Command((*run.argv, *_PLACES), run.env), self._program.limits)
        except CellLostError as error:
            raise GraderFailedError(f"The checker's cell was lost: {error}") from error
        return _grade(facts, said)

    async def _begin(self) -> Cell:
        self._cell = cell = await self._open_cell()
        await cell.add_files(self._prepared.files)
        if self._prepared.compile is not None:
            facts, said = await self._step(cell, self._prepared.compile, self._program.compile_limits)
            if outcome_of(facts).judgement.verdict != "accepted":
                raise GraderFailedError(f"The checker does not compile. {said}")
        return cell

    @staticmethod
    async def _step(cell: Cell, command: Command, limits: Limits | CompileLimits) -> tuple[StepFacts, str]:
        said = bytearray()

        async def keep(stream: Stream, data: bytes) -> None:
            if stream == "stderr":
                said.extend(data[: _SAID_BYTES - len(said)])

        facts = await cell.run(cell.at_home(command), limits, keep)
        if facts.done.killed == "deadline":
            raise LeaseEndedError
        return facts, said.decode("utf-8", "replace").strip()


def _grade(facts: StepFacts, said: str) -> Grade:
    judged = outcome_of(facts).judgement
    status = facts.done.exit_code
    if judged.verdict == "accepted":
        return Grade(matches=True, difference=said)
    if judged.evidence.source != "exit":
        raise GraderFailedError(f"The checker was stopped. {judged.message}")
    if status in _WRONG:
        return Grade(matches=False, difference=said or _WRONG[status])
    points = _POINTS.match(said) if status == _PARTIAL else None
    if points is None:
        raise GraderFailedError(f"The checker failed with status {status}. {said}")
    score = min(1.0, float(points[1]))
    return Grade(matches=math.isclose(score, 1.0), difference=points[2] or f"{score:g} of 1 point", score=score)
