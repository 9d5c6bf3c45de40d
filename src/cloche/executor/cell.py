"""Drives the cell launcher over any slot: files in, one step after another, facts out."""

import asyncio
import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from cloche.contracts.limits import Limits
from cloche.contracts.words import Stream
from cloche.executor.engines.engine import EngineError, Slot, SlotUsage
from cloche.executor.launcher import protocol
from cloche.executor.launcher.protocol import Done, Fault, FrameReader, ProtocolError

#: Takes output as it comes; the cell waits for it, and the program then waits too.
Sink = Callable[[Stream, bytes], Awaitable[None]]

#: How long a fresh launcher may take to say READY.
_READY_S = 15.0
#: How much later than the wall limit the launcher may report before the cell counts as lost.
_REPORT_S = 15.0

#: How often at most the engine is asked for CPU time, and how fast a tree can use it up.
_SHORTEST_WATCH_S = 0.1
_CPUS = os.cpu_count() or 1

_STREAM_OF: dict[bytes, Stream] = {b"o": "stdout", b"e": "stderr"}


class CellLostError(Exception):
    """The cell or its launcher died, or spoke nonsense. ``usage`` is what its outside still tells."""

    def __init__(self, message: str, usage: SlotUsage) -> None:
        super().__init__(message)
        self.usage = usage


class LeaseEndedError(Exception):
    """The lease ended in a step."""


@dataclass(frozen=True)
class StepFacts:
    """A finished step: the launcher's words, the engine's measurements, the limits it ran under.

    ``file_errno`` is set when one of the program's files could not be written.
    """

    done: Done
    usage: SlotUsage
    limits: Limits
    file_errno: int = 0


@dataclass(frozen=True)
class Command:
    """What to start in a step."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    stdin: bytes = b""
    live: bool = False


class Cell:
    """One cell in use. Steps run one at a time; ``extend`` and ``kill`` may come at any time."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._frames = FrameReader()
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._writing = asyncio.Lock()
        self._file_errno = 0
        self._stepping = False
        self._begun, self._taken = asyncio.Event(), asyncio.Event()

    def at_home(self, command: Command) -> Command:
        """The command with this cell's work directory as its home, unless its environment says otherwise."""
        own = {"HOME": self._slot.work, "TMPDIR": self._slot.tmp}
        return replace(command, env=tuple((own | dict(command.env)).items()))

    async def begin(self, files: list[tuple[str, bytes]], *, deadline_s: float) -> None:
        """Wait for the launcher, start its lease, hand over the program's files.

        Raises:
            CellLostError: it did not get ready in time, or died of the files.
            EngineError: it could not be made, or is without something that must hold programs in.
        """
        try:
            async with asyncio.timeout(_READY_S):
                kind, payload = await self._next()
        except TimeoutError:
            raise await self._lost("the launcher does not get ready") from None
        except CellLostError as error:
            raise EngineError(f"the cell could not be made: {self._slot.last_words() or error}") from error
        if kind != b"R":
            raise await self._lost("the launcher began with another frame")
        lacking = self._slot.must_have.difference(protocol.parse_ready(payload))
        if lacking:
            raise EngineError(f"the cell is without {', '.join(sorted(lacking))}")
        await self._slot.admit()
        room = self._slot.room
        hello = protocol.hello(
            deadline_ms=round(deadline_s * 1000),
            work=self._slot.work,
            disk_bytes=room.disk_bytes,
            inodes=room.inodes,
            network=room.network,
        )
        await self._give(hello)
        await self.add_files(files)

    async def add_files(self, files: list[tuple[str, bytes]], *, mode: int = 0o644) -> None:
        """Write files below the work directory; not while a step runs. The next step tells how that went.

        Raises:
            CellLostError: the launcher is gone.
        """
        for path, content in files:
            await self._give(protocol.file(path, content, mode=mode))

    async def run(self, command: Command, limits: Limits, sink: Sink) -> StepFacts:
        """Run one program to its end.

        Raises:
            CellLostError: the cell died under it.
            EngineError: the engine could not do its part.
            ValueError: an argument or variable holds a NUL.
        """
        self._begun.clear()
        self._stepping = True
        try:
            await self._slot.confine(limits)
            await self._give(protocol.step(self._step(command, limits)))
            self._begun.set()
            done = await self._done(limits, sink)
        finally:
            self._stepping = False
            self._begun.set()
            self._taken.set()
        return StepFacts(done, await self._slot.usage(), limits, self._file_errno)

    async def _done(self, limits: Limits, sink: Sink) -> Done:
        watching = asyncio.create_task(self._watch_cpu(limits.cpu_time_s))
        try:
            async with asyncio.timeout(limits.wall_time_s + _REPORT_S) as guard:
                done = await self._relay(sink, guard)
        except TimeoutError:
            raise await self._lost("the launcher does not report") from None
        finally:
            watching.cancel()
        if done.killed == "cancel" and watching.done() and not watching.cancelled() and watching.result():
            return replace(done, killed="cpu")
        return done

    async def feed(self, data: bytes) -> None:
        """Give the program of a live step more stdin, empty for its end; returns when its pipe has taken all of it.

        One call at a time. When there is no step any more the data goes nowhere.

        Raises:
            EngineError: the launcher does not listen.
            ValueError: more than a frame holds.
        """
        if self._stepping:
            await self._begun.wait()
        if self._stepping:
            self._taken.clear()
            await self._send(protocol.more_input(data))
            await self._taken.wait()

    async def extend(self, deadline_s: float) -> None:
        """Push the lease to ``deadline_s`` from now.

        Raises:
            EngineError: the launcher does not listen.
        """
        await self._send(protocol.extend(deadline_ms=round(deadline_s * 1000)))

    async def kill(self) -> None:
        """End the current step, which still reports. Raises as ``extend``."""
        await self._send(protocol.kill())

    async def _relay(self, sink: Sink, guard: asyncio.Timeout) -> Done:
        while True:
            kind, payload = await self._next()
            if kind in _STREAM_OF:
                before = time.monotonic()
                await sink(_STREAM_OF[kind], self._joined(kind, payload))
                _postpone(guard, time.monotonic() - before)
            elif kind == b"i":
                self._taken.set()
            elif kind == b"D":
                return await self._parsed(payload)
            elif kind == b"X":
                await self._on_fault(protocol.parse_fault(payload))
            else:
                raise await self._lost("the launcher sent READY twice")

    async def _watch_cpu(self, limit_s: float) -> bool:
        """Kill a tree whose CPU only the engine sees: children that nobody waited for. Whether it did."""
        pause_s = limit_s / _CPUS
        while True:
            await asyncio.sleep(max(pause_s, _SHORTEST_WATCH_S))
            try:
                used_us = (await self._slot.usage()).cpu_us
                if used_us is None:
                    return False
                pause_s = (limit_s - used_us / 1e6) / _CPUS
                if pause_s < 0:
                    await self.kill()
                    return True
            except EngineError:
                return False  # the run itself finds out

    def _joined(self, kind: bytes, payload: bytes) -> bytes:
        """The payload with those of the same stream behind it: a program may write byte by byte."""
        parts = [payload]
        while self._waiting and self._waiting[0][0] == kind:
            parts.append(self._waiting.popleft()[1])
        return b"".join(parts)

    async def _on_fault(self, fault: Fault) -> None:
        if fault.stage == "file":
            self._file_errno = self._file_errno or fault.errno
            await self._give(protocol.kill())
        elif fault.stage == "step":
            raise EngineError(f"{fault.detail}: {errno.errorcode.get(fault.errno, str(fault.errno))}")
        else:
            raise await self._lost(f"the launcher gave up: {fault.detail}")

    async def _parsed(self, payload: bytes) -> Done:
        try:
            return protocol.parse_done(payload)
        except ProtocolError as error:
            raise await self._lost(str(error)) from error

    async def _next(self) -> tuple[bytes, bytes]:
        while not self._waiting:
            data = await self._slot.read()
            if not data:
                raise await self._lost("the launcher is gone")
            try:
                self._waiting.extend(self._frames.feed(data))
            except ProtocolError as error:
                raise await self._lost(str(error)) from error
        return self._waiting.popleft()

    async def _give(self, frame: bytes) -> None:
        """Send what the program brings along: too much of it for the cell's memory can end the launcher."""
        try:
            await self._send(frame)
        except EngineError as error:
            raise await self._lost(str(error)) from error

    async def _send(self, frame: bytes) -> None:
        async with self._writing:
            await self._slot.write(frame)

    async def _lost(self, message: str) -> CellLostError:
        """What to raise for a cell that died. An engine that knows of another reason raises its own error."""
        return CellLostError(message, await self._slot.post_mortem())

    def _step(self, command: Command, limits: Limits) -> protocol.Step:
        return protocol.Step(
            argv=command.argv,
            env=command.env,
            stdin=command.stdin,
            live=command.live,
            wall_ms=_milliseconds(limits.wall_time_s),
            cpu_ms=_milliseconds(limits.cpu_time_s),
            memory_bytes=limits.memory_bytes,
            sample_memory=self._slot.sample_memory,
            output_bytes=limits.output_bytes,
            file_bytes=limits.file_bytes,
            open_files=limits.open_files,
            stack_bytes=limits.stack_bytes,
            processes=limits.processes + self._slot.own_processes if self._slot.rlimit_processes else 0,
        )


async def if_listening(words: Coroutine[Any, Any, None]) -> None:
    """Give a cell orders or input; a launcher that is gone needs none, and its step tells why."""
    with contextlib.suppress(EngineError):
        await words


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _postpone(guard: asyncio.Timeout, seconds: float) -> None:
    due = guard.when()
    if due is not None and not guard.expired():
        guard.reschedule(due + seconds)
