"""What an engine is: it makes fresh cells and says what is in them from outside.

``Engine.open`` makes a *slot*: one fresh cell whose PID 1 is the cell launcher, seen as a
byte stream to and from it. ``cloche.executor.cell`` speaks the launcher's protocol over any
slot, so an engine knows nothing of programs, steps or verdicts. One slot serves one
evaluation and is destroyed.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.words import EngineName, Isolation, Network
from cloche.executor.runtimes import Runtime


class EngineError(Exception):
    """The engine could not do what it promises; nothing is said about the program."""


class EngineBusyError(EngineError):
    """There is no room for another cell now; nothing is wrong with anything."""


class EngineUnusableError(EngineError):
    """This engine can't isolate here; the message says what is missing and how to get it."""


class ToolchainMissingError(EngineError):
    """This engine can't provide a runtime here; the message says why."""


class SlotStuckError(EngineError):
    """A cell could not be proven gone; its slot must not be used again before ``gone`` is done, if that is known."""

    gone: "asyncio.Future[None] | None" = None


@dataclass(frozen=True)
class Toolchain:
    """One version of a runtime as one engine provides it.

    ``tool`` is the interpreter or compiler as a path inside the cell. ``readonly`` are all host
    paths (directories and files, none inside another) that the cell sees at the same place,
    ``hidden`` directories inside them that appear empty, ``placed`` host directories that it
    sees elsewhere, as (on the host, in the cell); all are empty for engines that bring their
    own file system. ``image`` is the image's alias for such engines. ``values`` are further
    placeholders of the runtime's command lines.
    """

    tool: str
    readonly: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    placed: tuple[tuple[str, str], ...] = ()
    image: str | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tier:
    """One isolation as this host provides it.

    ``features`` names what holds programs in; ``lacking`` are sentences about what could not be had and why.
    """

    isolation: Isolation
    features: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Room:
    """What a cell's own file systems may hold, all together, and how far its network reaches."""

    disk_bytes: int
    inodes: int
    network: Network = "none"


@dataclass(frozen=True)
class CellSpec:
    """One cell to be made. ``id`` is unique, printable and at most 64 characters.

    Memory, disk and inodes of the cell are the larger of both limits; what a step may use
    is set by ``Slot.confine``. ``compile_limits`` is None where nothing is compiled.
    ``isolation`` is one of the engine's tiers.
    """

    id: str
    runtime: Runtime
    toolchain: Toolchain
    limits: Limits
    compile_limits: CompileLimits | None = None
    isolation: Isolation = "namespace"
    network: Network = "none"

    @property
    def most(self) -> Limits:
        """The most that any step of this cell may use."""
        compiling = self.compile_limits
        if compiling is None:
            return self.limits
        return self.limits.model_copy(
            update={
                name: max(getattr(self.limits, name), getattr(compiling, name))
                for name in ("disk_bytes", "memory_bytes", "processes", "inodes")
            }
        )


@dataclass(frozen=True)
class SlotUsage:
    """What the cell used since the last ``confine``, measured from outside the cell.

    ``source`` ``none`` means that this engine can't say; the cell then uses what its
    launcher saw from inside. ``cpu_us`` is None where only the launcher knows.
    """

    memory_peak_bytes: int = 0
    oom_kills: int = 0
    cpu_us: int | None = None
    source: Literal["cgroup", "sampled", "none"] = "none"


class Slot(Protocol):
    """One fresh cell seen from outside. Not safe for use by two tasks, but for one reader and one writer."""

    @property
    def sample_memory(self) -> bool:
        """Whether the launcher must sample and enforce memory, because nothing outside does."""
        ...

    @property
    def rlimit_processes(self) -> bool:
        """Whether RLIMIT_NPROC must limit processes, because nothing outside does.

        Only true where a cell has a user namespace of its own: the kernel counts per user and
        user namespace (since Linux 5.14), and not at all for the host's root.
        """
        ...

    @property
    def must_have(self) -> frozenset[str]:
        """Features that this cell's own launcher must report, or nothing may run in it."""
        ...

    @property
    def own_processes(self) -> int:
        """Processes of other programs that ``rlimit_processes`` must allow, because they share the cell's user."""
        ...

    @property
    def work(self) -> str:
        """The work directory inside the cell."""
        ...

    @property
    def tmp(self) -> str:
        """The directory for temporary files inside the cell."""
        ...

    @property
    def room(self) -> Room:
        """What the launcher is told at the start."""
        ...

    async def read(self) -> bytes:
        """The launcher's next bytes, at least one; ``b""`` once its stdout has ended.

        An engine that does not read does not buffer: the launcher then feels back-pressure.
        At most 256 KiB are held on the way.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes to the launcher; returns when they are accepted.

        Raises:
            EngineError: the launcher's stdin is closed: the cell is lost.
        """
        ...

    async def admit(self) -> None:
        """Once the launcher is ready: ``CellSpec.most`` holds before anything of the program's is in the cell.

        Raises:
            EngineError: the limits could not be set.
        """
        ...

    async def confine(self, limits: Limits) -> None:
        """Set memory and process limits for the next step and start measuring anew.

        Limits are never above those of the ``CellSpec``. Where they were fixed when the cell
        was made, this only starts measuring.

        Raises:
            EngineError: the limits could not be set.
        """
        ...

    def last_words(self) -> str:
        """What the launcher said on its stderr, for logs."""
        ...

    async def usage(self) -> SlotUsage:
        """What was used since the last ``confine``. May be asked while others read and write.

        Raises:
            EngineError: the engine can't say.
        """
        ...

    async def post_mortem(self) -> SlotUsage:
        """What was used by a cell whose launcher is gone, or says nothing any more; before ``destroy``.

        Raises:
            EngineError: it was lost with something that the engine depends on, not by its program.
        """
        ...

    async def destroy(self) -> None:
        """Kill everything in the cell and remove it; idempotent, ends within 10 s.

        Raises:
            SlotStuckError: something is left. The slot is never given out again.
        """
        ...


class Engine(Protocol):
    """Makes cells. One engine an executor."""

    @property
    def name(self) -> EngineName:
        """Which engine this is, as results name it."""
        ...

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The isolations this engine makes cells of, weakest first; known after ``start``."""
        ...

    async def start(self) -> None:
        """Check that cells can be made and remove what a former process left behind.

        Raises:
            EngineUnusableError: they can't, with the reason.
        """
        ...

    async def check(self) -> None:
        """Return if what cells are made with answers now. Asked often, so it makes none.

        Raises:
            EngineUnusableError: it does not, with the reason.
        """
        ...

    async def close(self) -> None:
        """Destroy every cell; nothing is left behind."""
        ...

    def facts(self) -> dict[str, str]:
        """What people want to know: versions, which cgroups, what is missing."""
        ...

    @property
    def warm_cells(self) -> int:
        """How many cells made ahead wait for a program."""
        ...

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        """Every way in which this engine can provide ``runtime``, the preferred first; at least one.

        Raises:
            ToolchainMissingError: it can't, with the reason.
        """
        ...

    async def open(self, spec: CellSpec) -> Slot:
        """A fresh cell whose launcher runs; its READY frame may still be on the way.

        Raises:
            EngineError: the cell could not be made; nothing of it is left.
        """
        ...
