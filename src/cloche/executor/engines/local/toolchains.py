"""Finding a runtime's toolchain on this host: what to run, and what a cell must see of it."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from cloche.executor.engines.engine import Toolchain, ToolchainMissingError
from cloche.executor.runtimes import HostTool, Runtime, filled

#: How long a toolchain may take to say where it is.
_ASK_TIMEOUT_S = 20
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")
#: Every cell sees these anyway.
_ALWAYS_SEEN = ("/usr", "/bin", "/sbin", "/lib", "/lib64")


async def find_toolchain(runtime: Runtime) -> Toolchain:
    """The first candidate that can say where it lives.

    Raises:
        ToolchainMissingError: there is none, with what the candidates said.
    """
    said: list[str] = []
    for command in _candidates(runtime.host):
        try:
            return await _resolved(runtime.host, command)
        except ToolchainMissingError as error:
            said.append(f"{command}: {error}")
    commands = ", ".join(c for c in runtime.host.commands if not c.startswith("{"))
    raise ToolchainMissingError("; ".join(said) or f"none of {commands} is installed")


def _candidates(host: HostTool) -> list[str]:
    directories = [*os.get_exec_path(), *_SYSTEM]
    result: list[str] = []
    for command in host.commands:
        if command == "{executor}":
            result.append(sys.executable)
            continue
        result += [found for d in directories if (found := shutil.which(command, path=d)) is not None]
    return list(dict.fromkeys(result))


async def _resolved(host: HostTool, command: str) -> Toolchain:
    if host.ask:
        tool, *directories = await _ask(filled(host.ask, {"tool": command}))
    else:
        tool, directories = _real(command), [_parent(_real(command))]
    outside = [d for d in (*directories, *_existing(host.readonly)) if not _within(d, _ALWAYS_SEEN)]
    if not _within(tool, (*_ALWAYS_SEEN, *outside)):
        outside.append(_parent(tool))
    unreadable = [d for d in outside if not os.access(d, os.R_OK | os.X_OK)]
    if unreadable:
        raise ToolchainMissingError(f"{unreadable[0]} can't be read by this user")
    hidden = [path for d in ("", *directories) for pattern in host.hidden for path in _matches(d, pattern)]
    return Toolchain(tool=tool, readonly=_outermost(outside), hidden=tuple(dict.fromkeys(hidden)))


async def _ask(argv: tuple[str, ...]) -> list[str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ToolchainMissingError(error.strerror or "can't be started") from error
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise ToolchainMissingError("it does not answer") from None
    lines = [line for line in out.decode("utf-8", "replace").splitlines() if line.startswith("/")]
    if process.returncode != 0 or not lines:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ToolchainMissingError(last[0][:200] if last else "it does not say where it is")
    return lines


def _real(path: str) -> str:
    return os.path.realpath(path)


def _parent(path: str) -> str:
    return str(Path(path).parent)


def _matches(directory: str, pattern: str) -> list[str]:
    absolute = pattern.startswith("/")
    if absolute == bool(directory):
        return []
    found = Path(directory or "/").glob(pattern.lstrip("/"))
    return sorted(str(path) for path in found if path.is_dir())


def _existing(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if Path(path).exists()]


def _within(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _outermost(paths: list[str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(paths))
    return tuple(p for p in unique if not any(p != other and _within(p, (other,)) for other in unique))
