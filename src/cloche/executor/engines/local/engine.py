"""The local engine: cells made by bubblewrap from this machine's own namespaces."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

from cloche.contracts.words import EngineName, Isolation
from cloche.executor.engines.engine import CellSpec, EngineError, EngineUnusableError, Toolchain
from cloche.executor.engines.local.bubblewrap import command, find_bubblewrap, make_etc
from cloche.executor.engines.local.cgroups import CellGroup, CgroupRoots, find_roots, remove_leftovers
from cloche.executor.engines.local.slot import LocalSlot, spawn
from cloche.executor.engines.local.toolchains import find_toolchain
from cloche.executor.launcher.binary import find_launcher
from cloche.executor.runtimes import Runtime


class LocalEngine:
    """Implements ``Engine``; see there.

    ``cgroup_roots`` are directories in which this process may make cgroups; empty: its own
    cgroups, as far as they are writable. ``state_dir`` holds the cells' ``/etc``; without it
    a temporary directory does, which ``close`` removes.
    """

    def __init__(self, *, cgroup_roots: tuple[str, ...] = (), state_dir: Path | None = None) -> None:
        self._configured_roots = cgroup_roots
        self._state_dir = state_dir
        self._temporary: str | None = None
        self._etc = Path()
        self._bwrap = ""
        self._launcher = ""
        self._roots = CgroupRoots()
        self._open: set[LocalSlot] = set()
        self._made = 0

    @property
    def name(self) -> EngineName:
        return "local"

    @property
    def isolation(self) -> Isolation:
        return "namespace"

    async def start(self) -> None:
        if platform.system() != "Linux":
            raise EngineUnusableError("the local engine needs Linux")
        self._bwrap = find_bubblewrap()
        self._launcher = str(find_launcher())
        if self._state_dir is None:
            self._temporary = tempfile.mkdtemp(prefix="cloche-cells-")
        self._etc = Path(self._temporary or str(self._state_dir)) / "etc"
        make_etc(self._etc)
        self._roots = find_roots(self._configured_roots)
        remove_leftovers(self._roots)

    async def close(self) -> None:
        for slot in list(self._open):
            await slot.destroy()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def facts(self) -> dict[str, str]:
        return {
            "bubblewrap": self._bwrap,
            "cgroup_version": self._roots.version,
            "cgroup_roots": ", ".join(str(p) for p in self._roots.directories()) or "none writable",
            "processes_limited_by": "cgroup" if self._roots.pids or self._roots.unified else "rlimit",
            "runs_as": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}",
        }

    async def toolchain(self, runtime: Runtime) -> Toolchain:
        return await find_toolchain(runtime)

    async def open(self, spec: CellSpec) -> LocalSlot:
        self._made += 1
        group = CellGroup(self._roots, str(self._made))
        try:
            group.confine(memory_bytes=spec.memory_bytes, processes=spec.processes)
            enter = [self._launcher, "enter", *group.procs_files, "--"]
            child = spawn([*enter, *command(self._bwrap, self._launcher, self._etc, spec)])
        except (OSError, EngineError) as error:
            group.remove()
            raise EngineError(f"a cell could not be made: {error}") from error
        slot = LocalSlot(child, group, self._open.discard)
        self._open.add(slot)
        return slot
