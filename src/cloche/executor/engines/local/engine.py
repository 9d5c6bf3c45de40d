"""The local engine: cells made by the cell launcher from this machine's own kernel."""

import asyncio
import contextlib
import itertools
import platform
from collections.abc import Iterable
from typing import Final

from cloche.contracts.words import ISOLATION_ORDER, EngineName, Isolation
from cloche.executor.engines.engine import (
    CellSpec,
    EngineError,
    EngineUnusableError,
    Room,
    SlotStuckError,
    Tier,
    Toolchain,
)
from cloche.executor.engines.local.cgroups.group import CellGroup
from cloche.executor.engines.local.cgroups.leftovers import remove_leftovers
from cloche.executor.engines.local.cgroups.roots import CgroupRoots, find_roots
from cloche.executor.engines.local.plan import CellPlan
from cloche.executor.engines.local.reach import within_reach
from cloche.executor.engines.local.ready import ReadyCells
from cloche.executor.engines.local.scratch import ScratchDirectories
from cloche.executor.engines.local.slot import LocalSlot
from cloche.executor.engines.local.spawner import Spawner, few_open_files, raise_open_files
from cloche.executor.engines.local.stuck import StuckCells
from cloche.executor.engines.local.toolchains import find_toolchains
from cloche.executor.engines.local.users import SlotUsers, find_users
from cloche.executor.launcher.binary import find_launcher
from cloche.executor.launcher.protocol import FrameReader, ProtocolError, parse_ready
from cloche.executor.runtimes import Runtime
from cloche.kit.logs import get_logger

log = get_logger()

_READY_S: Final = 15.0
#: Of cells, for the names of their cgroups: engines of one process share the directories.
_numbers = itertools.count(1)
#: Tried in this order where no setting names tiers: the weaker only where the stronger can't be had.
_BY_DEFAULT: Final[tuple[Isolation, ...]] = ("namespace", "process")


class LocalEngine:
    """Implements ``Engine``; see there.

    ``tiers`` are the isolations wanted (``namespace``, ``process``); empty: the strongest that
    this machine allows. ``cgroup_roots`` are directories in which this process may make
    cgroups; empty: its own cgroups, as far as they are writable. ``ahead`` cells are kept ready for
    each toolchain in use.
    """

    def __init__(
        self,
        *,
        tiers: tuple[Isolation, ...] = (),
        cgroup_roots: tuple[str, ...] = (),
        ahead: int = 0,
    ) -> None:
        self._wanted = tiers
        self._configured_roots = cgroup_roots
        self._scratch = ScratchDirectories()
        self._launcher_features: dict[Isolation, frozenset[str]] = {}
        self._spawner: Spawner | None = None
        self._users = SlotUsers(range(0))
        self._roots = CgroupRoots()
        self._tiers: tuple[Tier, ...] = ()
        self._open: set[LocalSlot] = set()
        self._stuck = StuckCells(self._freed)
        self._ready = ReadyCells(self._make, ahead)

    @property
    def name(self) -> EngineName:
        return "local"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return self._tiers

    async def start(self) -> None:
        if platform.system() != "Linux":
            raise EngineUnusableError("the local engine needs Linux")
        self._spawner = Spawner(str(find_launcher()))
        self._users = find_users()
        raise_open_files()
        self._scratch.start()
        self._roots = find_roots(self._configured_roots)
        for left in await asyncio.to_thread(remove_leftovers, self._roots):
            log.error("cgroup.left", group=left)
        await self._find_tiers()

    async def check(self) -> None:
        """The kernel does not go away."""

    async def close(self) -> None:
        await self._ready.close()
        for slot in list(self._open):
            with contextlib.suppress(SlotStuckError):
                await slot.destroy()
        await self._stuck.close()
        if self._spawner is not None:
            await self._spawner.close()
        self._users.close()
        await self._scratch.close()

    def facts(self) -> dict[str, str]:
        return {
            "kernel": platform.release(),
            "cgroup_version": self._roots.version,
            "cgroup_roots": ", ".join(str(p) for p in self._roots.directories()) or "none writable",
            "processes_limited_by": "cgroup" if self._roots.pids else "rlimit",
        }

    @property
    def warm_cells(self) -> int:
        return len(self._ready)

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        found = await find_toolchains(runtime)
        return within_reach(found) if any(tier.isolation == "process" for tier in self._tiers) else found

    async def open(self, spec: CellSpec) -> LocalSlot:
        slot = self._ready.take(spec.isolation, spec.toolchain)
        slot.furnish(Room(spec.most.disk_bytes, spec.most.inodes, spec.network), spec.most)
        return slot

    def _make(self, isolation: Isolation, toolchain: Toolchain | None) -> LocalSlot:
        """A cell without limits yet: nothing but its launcher runs in it."""
        assert self._spawner is not None, "the engine has not started"
        users = self._users.take()
        try:
            group = CellGroup(self._roots, str(next(_numbers)))
            scratch = None
            if isolation == "process":
                scratch = self._scratch.make(users.program if users else None)
            plan = CellPlan(toolchain, users, group.directories, scratch)
            child = self._spawner.spawn(plan.order())
        except BaseException as error:
            self._users.give_back(users)
            if isinstance(error, (OSError, EngineError)):
                raise EngineError(f"a cell could not be made: {error}") from error
            raise
        must_have = self._launcher_features.get(isolation, frozenset())
        slot = LocalSlot(child, group, plan, must_have, self._forget)
        self._open.add(slot)
        return slot

    async def _forget(self, slot: LocalSlot, gone: bool) -> None:  # noqa: FBT001  (the slot's word)
        self._open.discard(slot)
        if gone:
            await self._clear_away(slot)
        else:
            self._stuck.add(slot)

    async def _clear_away(self, slot: LocalSlot) -> None:
        if slot.plan.scratch is not None:
            await self._scratch.remove(slot.plan.scratch)
        self._users.give_back(slot.plan.users)

    async def _freed(self, slot: LocalSlot) -> None:
        await self._clear_away(slot)
        if slot.gone is not None and not slot.gone.done():
            slot.gone.set_result(None)

    async def _find_tiers(self) -> None:
        found: list[Tier] = []
        refused: list[str] = []
        for isolation in self._wanted or _BY_DEFAULT:
            try:
                found.append(await self._tried(isolation))
            except EngineUnusableError as error:
                refused.append(f"{isolation}: {error}")
                log.warning("tier.refused", isolation=isolation, reason=str(error))
            if found and not self._wanted:
                break
        if not found:
            raise EngineUnusableError(f"no cell can be made here: {'; '.join(refused)}")
        self._tiers = tuple(sorted(found, key=lambda tier: ISOLATION_ORDER.index(tier.isolation)))

    async def _tried(self, isolation: Isolation) -> Tier:
        """Make one cell and ask its launcher what holds it.

        Raises:
            EngineUnusableError: it could not be made, with the reason.
        """
        try:
            slot = self._make(isolation, None)
            try:
                features = await _ready_features(slot)
            finally:
                await slot.destroy()
        except (EngineError, ProtocolError, TimeoutError) as error:
            raise EngineUnusableError(str(error) or "its launcher does not answer") from error
        self._launcher_features[isolation] = frozenset(features)
        return Tier(isolation, (*features, *self._limited_by()), tuple(self._lacking(isolation, features)))

    def _limited_by(self) -> Iterable[str]:
        version = self._roots.version
        yield f"memory:cgroup{version}" if version != "none" else "memory:sampled"
        yield f"processes:cgroup{2 if self._roots.unified else 1}" if self._roots.pids else "processes:rlimit"

    def _lacking(self, isolation: Isolation, features: tuple[str, ...]) -> Iterable[str]:
        yield from self._roots.lacking
        if self._roots.memory is None:
            yield "Memory is sampled: what only the kernel sees (files in memory, its own objects) is not limited."
        if self._roots.cpuacct is None:
            yield "CPU time of children that nobody waits for counts only while they live."
        if "own-user" not in features and few_open_files():
            yield "Open files: so few are allowed (ulimit -Hn) that one program can keep new cells from being made."
        if "own-user" not in features:
            yield "A user for each cell: one program can use up what the kernel counts by user (watches, pipe buffers)."
        if not any(feature.startswith("landlock") for feature in features):
            yield "Landlock: the kernel has none, or it is not in lsm=."
        if isolation == "namespace" and "namespace:time" not in features:
            yield "A time namespace: programs see how long this machine has been up."
        if isolation == "process":
            yield "No namespaces: programs can tell which files and processes exist here."
            yield "Disk and inodes are not limited, but for the size of each file."


async def _ready_features(slot: LocalSlot) -> tuple[str, ...]:
    frames = FrameReader()
    async with asyncio.timeout(_READY_S):
        while data := await slot.read():
            for _, payload in frames.feed(data):
                return parse_ready(payload)
    raise EngineError(slot.last_words() or "its launcher ended")
