"""What the conformance suite needs: one engine, and programs run in its cells."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cloche.contracts.limits import Limits
from cloche.contracts.words import Network, Stream
from cloche.executor.cell import Cell, CellLostError, Command, StepFacts
from cloche.executor.engines.engine import CellSpec, Engine, Slot, Toolchain
from cloche.executor.runtimes import Runtime, filled
from cloche.executor.verdict import Judgement, judge, judge_memory
from cloche.kit.ids import uuid7

#: How much longer a program may take where its time is not what is tested: on an emulated processor everything does.
_PATIENCE = float(os.environ.get("CLOCHE_TEST_PATIENCE", "1"))
LIMITS = Limits(wall_time_s=10 * _PATIENCE, cpu_time_s=10 * _PATIENCE, memory_bytes=128 * 1024 * 1024)
#: What a tier does not promise; its tests then check what it does instead. Nothing is skipped.
LACKS: dict[str, dict[str, str]] = {
    "process": {
        "view": "It has no files of its own to see: the host's are there, and only the toolchain can be opened.",
        "processes": "It can open no `/proc`, also not for its own processes.",
        "disk": "Its disk and inodes are not limited, only the size of each file.",
        "loopback": "It has no network, also not its own loopback.",
    },
    "gvisor": {
        "inodes": "Its file systems take a limit of inodes and count none; its kernel's memory bounds them.",
        "closed proc": "Its `/proc` shows the launcher's environment, memory map and descriptors' names to everybody.",
    },
}
ENV = (("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"))


@dataclass
class Ran:
    """One finished step with everything it wrote."""

    facts: StepFacts
    stdout: bytes
    stderr: bytes

    @property
    def judged(self) -> Judgement:
        return judge(self.facts)

    @property
    def verdict(self) -> str:
        return self.judged.verdict


@dataclass
class OpenCell:
    """A cell in use, its slot, and how to run steps in it."""

    bench: "Bench"
    cell: Cell
    slot: Slot
    runtime: Runtime
    toolchain: Toolchain
    #: How long to take over the first piece of output: a slow reader.
    pause_s: float = 0.0
    env: tuple[tuple[str, str], ...] = ENV
    _wanted: bytes = b""
    _seen: asyncio.Event = field(default_factory=asyncio.Event)
    output: dict[Stream, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})

    def argv(self, *args: str) -> tuple[str, ...]:
        values = {"tool": self.toolchain.tool, "entrypoint": self.runtime.source_file}
        return (*filled(self.runtime.run, values), *args)

    def watch(self, wanted: bytes) -> asyncio.Event:
        """Set once the program's stdout holds ``wanted``."""
        self._wanted, self._seen = wanted, asyncio.Event()
        return self._seen

    async def take(self, stream: Stream, data: bytes) -> None:
        self.output[stream] += data
        if self._wanted in self.output["stdout"]:
            self._seen.set()
        pause_s, self.pause_s = self.pause_s, 0.0
        await asyncio.sleep(pause_s)

    async def step(
        self, command: Command | None = None, *, stdin: bytes = b"", limits: Limits = LIMITS, args: tuple[str, ...] = ()
    ) -> Ran:
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        facts = await self.cell.run(command or Command(self.argv(*args), self.env, stdin), limits, self.take)
        return Ran(facts, bytes(self.output["stdout"]), bytes(self.output["stderr"]))


@dataclass
class Bench:
    """An engine that has started, with the toolchains of the runtimes it is tested with."""

    engine: Engine
    runtimes: dict[str, tuple[Runtime, Toolchain]]

    @contextlib.asynccontextmanager
    async def open(
        self,
        source: str,
        *,
        runtime: str = "python",
        limits: Limits = LIMITS,
        files: tuple[tuple[str, bytes], ...] = (),
        deadline_s: float = 60.0,
        network: Network = "none",
    ) -> AsyncIterator[OpenCell]:
        wanted, toolchain = self.runtimes[runtime]
        spec = CellSpec(
            f"test-{uuid7()}", wanted, toolchain, limits, isolation=self.engine.tiers[-1].isolation, network=network
        )
        slot = await self.engine.open(spec)
        try:
            cell = Cell(slot)
            await cell.begin([(wanted.source_file, source.encode()), *files], deadline_s=deadline_s)
            yield OpenCell(self, cell, slot, wanted, toolchain)
        finally:
            await slot.destroy()

    async def verdict(self, source: str, limits: Limits) -> tuple[str, bytes]:
        """As ``run``, and as ``Steps`` judges a cell that the kernel took whole for its memory; and stdout."""
        try:
            ran = await self.run(source, limits=limits)
        except CellLostError as error:
            if error.usage.oom_kills == 0:
                raise
            return judge_memory(limits, error.usage.memory_peak_bytes, error.usage.oom_kills).verdict, b""
        return ran.verdict, ran.stdout

    async def run(
        self,
        source: str,
        *,
        runtime: str = "python",
        stdin: bytes = b"",
        args: tuple[str, ...] = (),
        limits: Limits = LIMITS,
        files: tuple[tuple[str, bytes], ...] = (),
        network: Network = "none",
        at_home: bool = False,
    ) -> Ran:
        async with self.open(source, runtime=runtime, limits=limits, files=files, network=network) as opened:
            if at_home:
                opened.env = opened.cell.at_home(Command(("",), ENV)).env
            return await opened.step(stdin=stdin, args=args, limits=limits)

    def lacks(self, what: str) -> bool:
        """Whether this tier does without it, as ``docs/security.md`` says."""
        return what in LACKS.get(self.engine.tiers[-1].isolation, {})

    def limits(self, **changed: float) -> Limits:
        return LIMITS.model_copy(update=changed)
