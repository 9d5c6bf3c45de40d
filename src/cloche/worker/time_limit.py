"""How long an executor may take for one run, whatever it says meanwhile."""

import asyncio
import contextlib
import math
from collections.abc import Generator
from types import TracebackType
from typing import Self

from cloche.contracts.limits import MOST_TOTAL_S
from cloche.contracts.submission import Program

#: Room for the executor's own set-up.
SET_UP_S = 30.0
#: Room around each step, for its files, its processes' start and end, and its grading.
_STEP_S = 5.0
#: How long altogether a run may wait for this worker to read on.
_MOST_PAUSED_S = 300.0


def most_seconds(program: Program) -> float:
    """No honest executor takes longer for ``program``, the waits for its reader apart."""
    steps, step_s = max(1, len(program.cases)), program.limits.wall_time_s
    set_up_s = SET_UP_S + program.compile_limits.wall_time_s + _STEP_S
    if program.checker is not None:
        step_s += program.checker.limits.wall_time_s + _STEP_S
        set_up_s += program.checker.compile_limits.wall_time_s + SET_UP_S
    return set_up_s + min(steps * step_s, MOST_TOTAL_S + step_s) + steps * _STEP_S


def longest_silence_s(program: Program) -> float:
    """No honest executor is silent for longer, between two lines of a run of ``program``."""
    step_s = program.limits.wall_time_s
    if program.checker is not None:
        step_s += program.checker.limits.wall_time_s + program.checker.compile_limits.wall_time_s + SET_UP_S
    return max(step_s, program.compile_limits.wall_time_s) + SET_UP_S


class TimeLimit:
    """``async with`` it: raises ``TimeoutError`` there after ``seconds``, pauses not counted up to 300 s of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._open = False
        self._end = math.inf
        #: What pauses may still add; it counts while one lasts.
        self._spare = _MOST_PAUSED_S
        self._paused = False

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._open = True
        self.shorten(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        await self._timeout.__aexit__(kind, error, trace)

    @property
    def is_over(self) -> bool:
        """Whether the time was up."""
        return self._timeout.expired()

    def shorten(self, seconds: float) -> None:
        """At most ``seconds`` are left from now on."""
        self._end = min(self._end, _now() + seconds)
        self._set()

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """What is done inside is not the executor's time."""
        begun, self._paused = _now(), True
        self._set()
        try:
            yield
        finally:
            taken = min(_now() - begun, self._spare)
            self._spare -= taken
            self._end += taken
            self._paused = False
            self._set()

    def _set(self) -> None:
        if self._open and not self._timeout.expired():
            self._timeout.reschedule(self._end + (self._spare if self._paused else 0.0))


def _now() -> float:
    return asyncio.get_running_loop().time()
