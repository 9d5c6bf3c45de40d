"""What a local cell is made of, as orders to the cell launcher (``launcher/order.h``)."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cloche.contracts.words import Isolation
from cloche.executor.engines.engine import Toolchain

#: Where programs work in a cell of namespaces.
WORK = "/work"
TMP = "/tmp"  # noqa: S108  (the cell's own)

#: Distributions link these into /usr; older ones have them as directories.
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

_ACCOUNTS = "cloche:x:1000:1000:cloche:/work:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
_ETC = {
    "passwd": _ACCOUNTS,
    "group": "cloche:x:1000:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "host.conf": "multi on\n",
}
_ETC_FROM_HOST = ("ld.so.cache", "localtime", "mime.types")
#: What of the host's own /etc a cell without namespaces may read: it has no other.
_ETC_READ = ("ld.so.cache", "localtime", "mime.types", "alternatives", "nsswitch.conf", "passwd", "group", "hosts")


@dataclass(frozen=True)
class CellUsers:
    """Users of the host that a cell runs as: its launcher, its program. Both hold nothing else."""

    launcher: int
    program: int


@dataclass(frozen=True)
class CellPlan:
    """One cell to be made. ``etc`` is the host's place of ``make_etc``; ``scratch`` of a process cell's directories.

    ``users`` None: cells run as this process's own user. ``joins`` are cgroup.procs files.
    """

    isolation: Isolation
    etc: Path
    toolchain: Toolchain | None = None
    users: CellUsers | None = None
    joins: tuple[str, ...] = ()
    scratch: Path | None = None

    @property
    def work(self) -> str:
        """The work directory as the program sees it."""
        return WORK if self.scratch is None else str(self.scratch / "work")

    @property
    def tmp(self) -> str:
        """Its directory for temporary files."""
        return TMP if self.scratch is None else str(self.scratch / "tmp")

    def order(self, launcher: str) -> list[str]:
        """The command line that makes it."""
        joins = [f"join={path}" for path in self.joins]
        users = [f"uids={self.users.launcher},{self.users.program}"] if self.users else []
        if self.scratch is not None:
            return [launcher, "process", *joins, *users, f"work={self.work}", f"tmp={self.tmp}", *self._reads()]
        return [launcher, "cell", *joins, *users, *_top_level(), *self._binds()]

    def _binds(self) -> list[str]:
        result = [f"from={self.etc}", "bind=/etc"]
        if self.toolchain is not None:
            result += [f"bind={path}" for path in self.toolchain.readonly]
            for host, inside in self.toolchain.placed:
                result += [f"from={host}", f"bind={inside}"]
            result += [f"hide={path}" for path in self.toolchain.hidden]
        return result

    def _reads(self) -> list[str]:
        paths = [f"/{name}" for name in _TOP] + [f"/etc/{name}" for name in _ETC_READ]
        if self.toolchain is not None:
            paths += [*self.toolchain.readonly, *(host for host, _ in self.toolchain.placed)]
        return [f"read={path}" for path in paths]


def make_etc(directory: Path) -> None:
    """Fill ``directory`` anew with the little ``/etc`` that cells share read-only."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o755, parents=True)
    for name, text in _ETC.items():
        (directory / name).write_text(text, encoding="ascii")
    for name in _ETC_FROM_HOST:
        source = Path("/etc") / name
        if source.is_file():
            shutil.copyfile(source, directory / name)
    # Debian's cc, awk and editor commands are links through here.
    # Its Java's configuration lies beside them.
    for tree in (Path("/etc/alternatives"), *Path("/etc").glob("java-*-openjdk")):
        if tree.is_dir():
            shutil.copytree(tree, directory / tree.name, symlinks=True, ignore=shutil.ignore_patterns("*password*"))


def _top_level() -> list[str]:
    result: list[str] = []
    for name in _TOP:
        path = Path("/") / name
        if path.is_symlink():
            result += [f"from={path.readlink()}", f"link={path}"]
        elif path.is_dir():
            result += [f"bind={path}"]
    return result
