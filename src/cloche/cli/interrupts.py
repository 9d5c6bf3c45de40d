"""Signals while an evaluation runs: the first one asks it to stop, the second one leaves."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedBySignal(BaseException):
    """Raised wherever the main thread is when the signal arrives."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Interrupts:
    """Inside, SIGINT, SIGTERM and SIGHUP raise ``InterruptedBySignal``. Main thread only.

    A signal that was ignored before (``nohup``, a shell's background job) stays ignored.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._holding = False
        self._waiting: int | None = None

    @contextmanager
    def held(self) -> Generator[None]:
        """Inside, the first signal waits until the end; a second one does not."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._waiting is not None:
            raise InterruptedBySignal(self._waiting)

    def __enter__(self) -> Self:
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._on_signal) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._holding and self._waiting is None:
            self._waiting = number
            return
        raise InterruptedBySignal(number)
