"""What services must see of the file system although a closed directory such as /root may lie above it."""

import asyncio
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cloche
from cloche.executor.added_runtimes import load_added
from cloche.executor.engines.engine import Toolchain, ToolchainMissingError
from cloche.executor.engines.local.toolchains import find_toolchains
from cloche.executor.runtimes import Runtime, filled, load_runtimes

PACKAGE: Final = Path(str(cloche.__file__)).resolve().parent


@dataclass(frozen=True, slots=True)
class HostRuntime:
    """A runtime on this machine: the way to run it that can be had and every toolchain for it, or the reason."""

    name: str
    way: Runtime | None
    toolchains: tuple[Toolchain, ...]
    reason: str = ""


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


def find_runtimes(added: Path | None = None) -> list[HostRuntime]:
    """Cloche's own runtimes and those of the folder ``added``, as far as this user sees their tools. Blocks.

    Raises:
        RuntimeFileError: a file of Cloche's own is wrong.
    """
    own = load_runtimes()
    others, unusable = load_added(added, own) if added is not None else ([], {})
    # The caller may run in an event loop, which this one must not be part of.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asyncio.run, _found([*own, *others])).result()
    return [*found, *(HostRuntime(name, None, (), reason) for name, reason in unusable.items())]


async def _found(runtimes: list[Runtime]) -> list[HostRuntime]:
    return list(await asyncio.gather(*(_found_one(runtime) for runtime in runtimes)))


async def _found_one(runtime: Runtime) -> HostRuntime:
    reasons: list[str] = []
    for way in runtime.ways:
        try:
            return HostRuntime(runtime.name, way, tuple(await find_toolchains(way)))
        except ToolchainMissingError as error:
            reasons.append(str(error))
    return HostRuntime(runtime.name, None, (), "; ".join(reasons))


def version_of(way: Runtime | None, toolchain: Toolchain) -> str:
    """What the tool says of itself, here and not in a cell; empty when it says nothing. Blocks."""
    if way is None:
        return ""
    argv = filled(way.version, {"tool": toolchain.tool} | dict(toolchain.values))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(way.version_pattern, done.stdout + done.stderr)
    return found[1] if found else ""


def needed_directories(runtimes: list[HostRuntime]) -> list[Path]:
    """What programs need of these runtimes beside the system's own directories."""
    paths = [path for runtime in runtimes for toolchain in runtime.toolchains for path in _own_paths(toolchain)]
    return [Path(path) for path in dict.fromkeys(paths)]


def _own_paths(toolchain: Toolchain) -> list[str]:
    return [
        path
        for path in (*toolchain.readonly, *(source for source, _ in toolchain.placed))
        if not path.startswith("/usr/")
    ]
