"""The local engine: cells made by bubblewrap from this machine's own namespaces."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

from cloche.contracts.words import EngineName
from cloche.executor.engines.engine import CellSpec, EngineError, EngineUnusableError, Tier, Toolchain
from cloche.executor.engines.local.bubblewrap import CellTools, command, copy_tools, find_bubblewrap, make_etc
from cloche.executor.engines.local.cgroups import CellGroup, CgroupRoots, find_roots, remove_leftovers
from cloche.executor.engines.local.exposure import Exposure
from cloche.executor.engines.local.slot import LocalSlot, spawn
from cloche.executor.engines.local.toolchains import find_toolchain
from cloche.executor.launcher.binary import find_launcher
from cloche.executor.runtimes import Runtime

#: Nobody's number: between the ranges that distributions and systemd give out.
CELL_UID = 60999


class LocalEngine:
    """Implements ``Engine``; see there.

    ``cgroup_roots`` are directories in which this process may make cgroups; empty: its own
    cgroups, as far as they are writable. ``state_dir`` holds the cells' ``/etc``; without it
    a temporary directory does, which ``close`` removes. ``cell_uid`` is who cells run as on
    the host when the executor is root; else they run as the executor's own user.
    """

    def __init__(
        self, *, cgroup_roots: tuple[str, ...] = (), state_dir: Path | None = None, cell_uid: int = CELL_UID
    ) -> None:
        self._configured_roots = cgroup_roots
        self._state_dir = state_dir
        self._cell_uid = cell_uid
        self._temporary: str | None = None
        self._tools = CellTools("", "", "")
        self._exposure: Exposure | None = None
        self._roots = CgroupRoots()
        self._open: set[LocalSlot] = set()
        self._made = 0

    @property
    def name(self) -> EngineName:
        return "local"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return (Tier("namespace", features=(f"memory:cgroup{self._roots.version}",)),)

    async def start(self) -> None:
        if platform.system() != "Linux":
            raise EngineUnusableError("the local engine needs Linux")
        bwrap, launcher = find_bubblewrap(), find_launcher()
        if self._state_dir is None:
            self._temporary = tempfile.mkdtemp(prefix="cloche-cells-")
        state = self._state_dir or Path(self._temporary or "")
        make_etc(state / "etc")
        self._tools = CellTools(bwrap, str(launcher), str(state / "etc"))
        if os.geteuid() == 0:
            state.chmod(0o755)
            self._tools = CellTools(*copy_tools(bwrap, launcher, state / "bin"), str(state / "etc"))
            self._exposure = Exposure(state, self._cell_uid)
        self._roots = find_roots(self._configured_roots)
        remove_leftovers(self._roots)

    async def close(self) -> None:
        for slot in list(self._open):
            await slot.destroy()
        if self._exposure is not None:
            self._exposure.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def facts(self) -> dict[str, str]:
        return {
            "bubblewrap": self._tools.bubblewrap,
            "cgroup_version": self._roots.version,
            "cgroup_roots": ", ".join(str(p) for p in self._roots.directories()) or "none writable",
            "processes_limited_by": "cgroup" if self._roots.pids or self._roots.unified else "rlimit",
            "cells_run_as": f"uid {os.geteuid() or self._cell_uid}",
        }

    async def toolchain(self, runtime: Runtime) -> Toolchain:
        found = await find_toolchain(runtime)
        for path in found.readonly:
            self._seen_at(path)
        return found

    async def open(self, spec: CellSpec) -> LocalSlot:
        self._made += 1
        group = CellGroup(self._roots, str(self._made))
        try:
            group.confine(memory_bytes=spec.memory_bytes, processes=spec.processes)
            child = spawn([*self._enter(group), *command(self._tools, spec, self._seen_at)])
        except (OSError, EngineError) as error:
            group.remove()
            raise EngineError(f"a cell could not be made: {error}") from error
        slot = LocalSlot(child, group, self._open.discard)
        self._open.add(slot)
        return slot

    def _enter(self, group: CellGroup) -> list[str]:
        """Start in the cell's cgroups, and as its user."""
        user = [f"uid={self._cell_uid}"] if self._exposure is not None else []
        return [self._tools.launcher, "enter", *group.procs_files, *user, "--"]

    def _seen_at(self, path: str) -> str:
        return path if self._exposure is None else self._exposure.seen_at(path)
