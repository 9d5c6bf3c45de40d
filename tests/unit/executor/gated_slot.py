"""An engine whose cells die at once, or never, and are cleared away when the test says so."""

import asyncio
from dataclasses import dataclass, field

from cloche.contracts.capabilities import DefenceTest
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.contracts.words import EngineName
from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.engine import CellSpec, Room, Slot, SlotStuckError, SlotUsage, Tier, Toolchain
from cloche.executor.execution import ReadyRuntime
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.ready_runtimes import ReadyRuntimes
from cloche.executor.runtimes import Runtime, load_runtimes
from cloche.executor.service import Equipment, ExecutorService
from cloche.executor.standing.report import TierReport
from cloche.executor.standing.standing import StandingTest

TIER = Tier("namespace")
PROGRAM = Program(
    runtime="python",
    files=[File(path="main.py", content="")],
    entrypoint="main.py",
    limits=Limits(),
    compile_limits=CompileLimits(),
)


@dataclass
class GatedSlot:
    """``destroy`` waits for ``clear``; then ``stuck`` is raised if there is one."""

    lives: bool = False
    stuck: SlotStuckError | None = None
    destroying: asyncio.Event = field(default_factory=asyncio.Event)
    clear: asyncio.Event = field(default_factory=asyncio.Event)
    destroyed: bool = False
    sample_memory: bool = False
    rlimit_processes: bool = False
    must_have: frozenset[str] = frozenset()
    own_processes: int = 0
    work: str = "/work"
    tmp: str = "/tmp"
    room: Room = field(default_factory=lambda: Room(disk_bytes=1, inodes=1))

    async def read(self) -> bytes:
        if self.lives:
            await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None: ...

    async def admit(self) -> None: ...

    async def confine(self, limits: Limits) -> None: ...

    def last_words(self) -> str:
        return ""

    async def usage(self) -> SlotUsage:
        return SlotUsage()

    async def post_mortem(self) -> SlotUsage:
        return SlotUsage()

    async def destroy(self) -> None:
        self.destroying.set()
        await self.clear.wait()
        self.destroyed = True
        if self.stuck is not None:
            raise self.stuck


@dataclass
class GatedEngine:
    """Hands out ``slot``, again and again."""

    slot: GatedSlot
    name: EngineName = "local"
    tiers: tuple[Tier, ...] = (TIER,)

    async def start(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    def facts(self) -> dict[str, str]:
        return {}

    @property
    def warm_cells(self) -> int:
        return 0

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        return [Toolchain("/usr/bin/python3")]

    async def open(self, spec: CellSpec) -> Slot:
        return self.slot


def ready_python() -> ReadyRuntime:
    (python,) = load_runtimes(only=("python",))
    return ReadyRuntime(RuntimeOffer(name="python", version="3.11"), python, Toolchain("/usr/bin/python3"))


def service_of(slot: GatedSlot, metrics: ExecutorMetrics) -> ExecutorService:
    """An executor of one slot whose self-tests have passed."""
    engine = GatedEngine(slot)
    runtimes, standing = ReadyRuntimes(engine, []), StandingTest(engine, [], metrics)
    runtimes._ready, runtimes.checked = {"python": [ready_python()]}, True
    held = DefenceTest(name="door", threat="open the door", held=True, message="")
    standing._reports["namespace"] = TierReport(TIER, (held,), "2026-01-01T00:00:00.000000Z")
    return ExecutorService("one", Equipment(engine, EngineWatch(engine, lambda: None), runtimes, standing), 1, metrics)
