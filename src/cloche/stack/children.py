"""One child process: started, watched, restarted with growing pauses, stopped in good order."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloche.kit.clock import iso_now
from cloche.kit.logs import get_logger
from cloche.stack.child_log import last_lines, rotate
from cloche.stack.spawn import ChildCommand, StackError
from cloche.stack.status import ChildStatus, ChildWord

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 30.0
#: A child that ran this long starts again at once.
SETTLED_S: Final = 30.0
#: A child that never became ready gives up after this many starts, or this long.
FIRST_STARTS: Final = 3
FIRST_READY_S: Final = 90.0
CHECK_S: Final = 2.0
_STARTING_CHECK_S: Final = 0.05
_CHECK_TIMEOUT_S: Final = 5.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """How one child lives.

    ``prepare`` blocks and runs before each start. ``ready`` raises as long as the child can't serve.
    """

    name: str
    command: Callable[[], ChildCommand]
    ready: Callable[[], Awaitable[None]]
    log_file: Path
    prepare: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0


class StartError(StackError):
    """A child did not become ready at the first start."""


class Child:
    """Runs a plan until it is stopped. ``on_change`` is called after each change of ``status``."""

    def __init__(self, plan: ChildPlan, on_change: Callable[[], None]) -> None:
        self.plan = plan
        self.status = ChildStatus(plan.name)
        self._on_change = on_change
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._was_ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and return when it is ready for the first time.

        Raises:
            StackError: it can't be prepared, or does not become ready; the message holds its last words.
        """
        self._task = asyncio.create_task(self._run(), name=f"child-{self.plan.name}")
        ready = asyncio.create_task(self._was_ready.wait())
        try:
            await asyncio.wait([ready, self._task], timeout=FIRST_READY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._was_ready.is_set():
            return
        if self._task.done():
            self._task.result()
        raise StartError(self._failure(f"was not ready within {FIRST_READY_S:.0f} s ({self.status.message})"))

    async def stop(self) -> None:
        """Ask it to end, wait its time, then kill it. Idempotent.

        What ``prepare`` does is waited for; nothing is started after it.
        """
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._say("stopped")

    def kill(self) -> None:
        """End it at once, with everything in its process group."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _run(self) -> None:
        pause = FIRST_PAUSE_S
        starts = 0
        while not self._stopping.is_set():
            starts += 1
            began = time.monotonic()
            try:
                await self._run_once()
            except StackError as error:
                if not self._was_ready.is_set():
                    raise
                self._not_started(error)
            except (OSError, RuntimeError) as error:  # no process, descriptor, thread or room on the disk to be had
                self._not_started(error)
            if self._stopping.is_set():
                return
            if not self._was_ready.is_set() and starts >= FIRST_STARTS:
                raise StartError(self._failure(f"ended {starts} times at its start ({self.status.message})"))
            pause = FIRST_PAUSE_S if time.monotonic() - began > SETTLED_S else min(pause * 2, LONGEST_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            self.status.restarts += 1

    async def _run_once(self) -> None:
        """From the start to the end of one process."""
        self._say("starting")
        await asyncio.to_thread(self.plan.prepare)
        if self._stopping.is_set():
            return
        command = self.plan.command()
        with os.fdopen(os.open(self.plan.log_file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as output:
            # Started by this thread, with whose end the child's death signal comes: the main one.
            self._process = process = await asyncio.create_subprocess_exec(
                *command.spawn_argv(),
                env=command.spawn_environment(),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                pass_fds=tuple(command.descriptors),
                start_new_session=True,
            )
        self.status.pid = process.pid
        self._say("starting")
        watch = asyncio.create_task(self._watch())
        try:
            status = await self._until_end(process)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self.kill()
        self._ended(status)

    async def _until_end(self, process: Process) -> int:
        """Its exit status. When ``stop`` asks, also before this is called, the process is told and has its time."""
        ended = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                self._say("stopping")
                _signal(process, self.plan.stop_signal)
                await asyncio.wait([ended], timeout=self.plan.stop_timeout_s)
            if not ended.done():
                log.warning("child.killed", child=self.plan.name, after_s=self.plan.stop_timeout_s)
                self.kill()
            return await ended
        finally:
            asked.cancel()
            ended.cancel()

    async def _watch(self) -> None:
        """Ask whether it is ready, often until it is, and keep its log small."""
        pause = _STARTING_CHECK_S
        while True:
            try:
                async with asyncio.timeout(_CHECK_TIMEOUT_S):
                    await self.plan.ready()
            except Exception as error:  # noqa: BLE001  (whatever a check raises means "not ready")
                why = f"{type(error).__name__}: {error}"[:300]
                if self.status.state == "ready":
                    self._say("unready", why)
                else:
                    self.status.message = why
            else:
                if self.status.state != "ready" and not self._stopping.is_set():
                    self._say("ready")
                    self._was_ready.set()
            pause = min(pause * 1.3, CHECK_S)
            await asyncio.sleep(pause if self.status.state == "starting" else CHECK_S)
            with contextlib.suppress(RuntimeError):  # no thread to be had; there may be one next time
                await asyncio.to_thread(rotate, self.plan.log_file)

    def _ended(self, status: int) -> None:
        self.status.pid = None
        self.status.last_exit = _in_words(status)
        self.status.last_exit_at = iso_now()
        if not self._stopping.is_set():
            log.warning("child.ended", child=self.plan.name, exit=self.status.last_exit)
            self._say("backoff", last_lines(self.plan.log_file, 1))

    def _not_started(self, error: Exception) -> None:
        why = str(error) if isinstance(error, StackError) else f"can't be started: {error}"
        if not self._stopping.is_set():
            self._say("backoff", why)
        log.warning("child.not_started", child=self.plan.name, error=why)

    def _say(self, state: ChildWord, message: str = "") -> None:
        if state != self.status.state:
            self.status.since = iso_now()
        self.status.state = state
        self.status.message = message
        self._on_change()

    def _failure(self, what: str) -> str:
        said = last_lines(self.plan.log_file, 15)
        return f"{self.plan.name} {what}. The end of {self.plan.log_file}:\n{said}"


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _in_words(status: int) -> str:
    return f"status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
