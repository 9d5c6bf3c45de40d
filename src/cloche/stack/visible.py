"""What services must see of the file system although a closed directory such as /root may lie above it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cloche
from cloche.executor.runtimes import Runtime, RuntimeFileError, filled, load_runtimes
from cloche.kit.logs import get_logger

PACKAGE: Final = Path(str(cloche.__file__)).resolve().parent
_ASK_TIMEOUT_S: Final = 10.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A runtime's tool on this machine: its real executable and the directories it needs."""

    runtime: str
    executable: Path
    directories: tuple[Path, ...]


def python_paths() -> list[Path]:
    """Where this interpreter, its packages and Cloche's own files lie."""
    paths = [Path(sys.base_prefix), Path(sys.prefix), PACKAGE]
    beside = PACKAGE.parents[1] / "runtimes"
    return [*paths, beside] if beside.is_dir() else paths


def web_dist() -> Path | None:
    """The built frontend: the wheel's, or a checkout's; None when it was not built."""
    for place in (PACKAGE / "stack" / "web_dist", PACKAGE.parents[1] / "frontend" / "dist"):
        if (place / "index.html").is_file():
            return place
    return None


def find_toolchains() -> list[Toolchain]:
    """The tools of every runtime that this machine has, seen through version managers' shims."""
    try:
        runtimes = load_runtimes()
    except RuntimeFileError as error:
        log.warning("runtimes.unreadable", error=str(error))
        return []
    return [found for runtime in runtimes if (found := find_toolchain(runtime)) is not None]


def find_toolchain(runtime: Runtime) -> Toolchain | None:
    """The first of the runtime's commands that is here, or None."""
    tool = next((path for name in runtime.host.commands if (path := shutil.which(name))), None)
    if tool is None:
        return None
    said = _ask(runtime, tool) if runtime.host.ask else []
    executable = Path(said[0] if said else tool).resolve()
    directories = [executable.parent, *(Path(line) for line in said[1:])]
    directories += [Path(path) for path in runtime.host.readonly]
    kept = [path.resolve() for path in directories if path.is_absolute() and path.is_dir() and path != Path("/")]
    return Toolchain(runtime.name, executable, tuple(dict.fromkeys(kept)))


def _ask(runtime: Runtime, tool: str) -> list[str]:
    argv = filled(runtime.host.ask, {"tool": tool})
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_ASK_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        log.warning("toolchain.silent", runtime=runtime.name, error=type(error).__name__)
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("/")]
