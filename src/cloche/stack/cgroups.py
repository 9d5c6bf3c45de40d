"""A part of the cgroup tree for the executor: made here, given to its user, removed at the end."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

from cloche.executor.engines.local.cgroups.delegation import CgroupLackingError, enable_controllers
from cloche.executor.engines.local.cgroups.names import LEAF
from cloche.kit.logs import get_logger
from cloche.stack.spawn import Identity

_V1_CONTROLLERS: Final = ("memory", "pids", "cpuacct")
_MOUNT: Final = Path("/sys/fs/cgroup")

log = get_logger()


class DelegatedCgroups:
    """One directory a controller (v1), or one under the name ``unified`` (v2), named after the data directory.

    What can't be had is left out: the executor then measures and limits in other ways, and says so.
    ``may_move`` allows to move the processes of our group into a leaf of it, which v2 may need.
    """

    def __init__(self, data_dir: Path, *, mount: Path = _MOUNT, may_move: bool = True) -> None:
        self._name = f"cloche-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
        self._mount = mount
        self._may_move = may_move
        self.roots: dict[str, str] = {}
        #: Where the executor begins (v2): only from inside the subtree may its user move processes about in it.
        self.entry: Path | None = None

    def create(self, owner: Identity | None) -> None:
        """Make the directories and give them to ``owner``. Idempotent."""
        own = own_cgroups()
        for controller in _V1_CONTROLLERS:
            if (self._mount / controller / "tasks").exists():
                self._create_one(controller, self._mount / controller, own.get(controller, "/"), owner)
        if not self.roots and (self._mount / "cgroup.controllers").exists():
            self._create_unified(own.get("", "/"), owner)

    def remove(self) -> None:
        """Remove them, as far as nothing runs in them. Idempotent."""
        for path in self.roots.values():
            _remove_tree(Path(path))
        self.roots = {}

    def _create_one(self, controller: str, mount: Path, own: str, owner: Identity | None) -> None:
        # Below our own group, so that its limits hold for cells too; its path may belong to another view of the tree.
        parent = mount / own.lstrip("/")
        folder = (parent if parent.is_dir() else mount) / self._name
        try:
            folder.mkdir(exist_ok=True)
            self._give(folder, owner, ("cgroup.procs", "tasks"))
        except OSError as error:
            log.info("cgroup.not_writable", controller=controller, error=error.strerror)
            return
        self.roots[controller] = str(folder)

    def _create_unified(self, own: str, owner: Identity | None) -> None:
        """A subtree with the controllers on. They go on only where no process is, so those here move into a leaf."""
        parent = self._mount / own.lstrip("/")
        # Our own start before this one, from the same shell, has moved that into the leaf.
        parent = parent.parent if parent.name == LEAF else parent
        folder = parent / self._name
        try:
            if self._may_move:
                enable_controllers(parent)
            folder.mkdir(exist_ok=True)
            entry = folder / "executor"
            entry.mkdir(exist_ok=True)
            for given in (folder, entry):
                self._give(given, owner, ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"))
        except (CgroupLackingError, OSError) as error:
            log.info("cgroup.not_writable", controller="unified", error=str(error))
            _remove_tree(folder)
            return
        self.roots["unified"] = str(folder)
        self.entry = entry

    @staticmethod
    def _give(folder: Path, owner: Identity | None, names: tuple[str, ...]) -> None:
        if owner is None:
            return
        os.chown(folder, owner.uid, owner.gid)
        for name in names:
            os.chown(folder / name, owner.uid, owner.gid)


def own_cgroups() -> dict[str, str]:
    """Our path in each hierarchy, by controller; the unified one under ``""``."""
    paths: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _remove_tree(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir():
                _remove_tree(entry)
        folder.rmdir()
