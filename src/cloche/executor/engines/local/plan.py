"""What a local cell is made of, as orders to the cell launcher (``launcher/order.h``)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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
#: Debian's cc, awk and editor commands are links through alternatives.
_ETC_FROM_HOST = ("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/alternatives")
#: What of the host's own /etc a cell without namespaces may read: it has no other.
_ETC_READ = (*_ETC_FROM_HOST, "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/ssl/openssl.cnf")


@dataclass(frozen=True)
class CellUsers:
    """Users of the host that a cell runs as: its launcher, its program. Both hold nothing else."""

    launcher: int
    program: int


@dataclass(frozen=True)
class CellPlan:
    """One cell to be made. ``scratch`` is where a process cell's directories are, None for one of namespaces.

    ``users`` None: cells run as this process's own user. ``groups`` are cgroups to make and enter.
    """

    toolchain: Toolchain | None = None
    users: CellUsers | None = None
    groups: tuple[str, ...] = ()
    scratch: Path | None = None

    @property
    def own_processes(self) -> int:
        """Of ours in its cgroups: the launcher, and the process that made its namespaces."""
        return 2 if self.scratch is None else 1

    @property
    def work(self) -> str:
        """The work directory as the program sees it."""
        return WORK if self.scratch is None else str(self.scratch / "work")

    @property
    def tmp(self) -> str:
        """Its directory for temporary files."""
        return TMP if self.scratch is None else str(self.scratch / "tmp")

    def order(self) -> list[str]:
        """The words that make it."""
        groups = [f"group={path}" for path in self.groups]
        users = [f"uids={self.users.launcher},{self.users.program}"] if self.users else []
        if self.scratch is not None:
            return ["process", *groups, *users, f"work={self.work}", f"tmp={self.tmp}", *self._reads()]
        return ["cell", *groups, *users, *_view(self.toolchain)]

    def _reads(self) -> list[str]:
        paths = [f"/{name}" for name in _TOP] + [*_ETC_READ]
        if self.toolchain is not None:
            paths += [*self.toolchain.readonly, *(host for host, _ in self.toolchain.placed)]
        return [f"read={path}" for path in paths]


@lru_cache(maxsize=256)
def _view(toolchain: Toolchain | None) -> tuple[str, ...]:
    result = _top_level()
    result += [word for name, text in _ETC.items() for word in (f"from={text}", f"file=/etc/{name}")]
    result += [f"bind={path}" for path in _ETC_FROM_HOST if Path(path).exists()]
    if toolchain is not None:
        result += [f"bind={path}" for path in toolchain.readonly]
        for host, inside in toolchain.placed:
            result += [f"from={host}", f"bind={inside}"]
        result += [f"hide={path}" for path in toolchain.hidden]
    return tuple(result)


def _top_level() -> list[str]:
    result: list[str] = []
    for name in _TOP:
        path = Path("/") / name
        if path.is_symlink():
            result += [f"from={path.readlink()}", f"link={path}"]
        elif path.is_dir():
            result += [f"bind={path}"]
    return result
