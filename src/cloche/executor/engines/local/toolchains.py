"""Finding a runtime's toolchains on this host: what to run, and exactly what a cell must see of it."""

import asyncio
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cloche.executor.engines.engine import Toolchain, ToolchainMissingError
from cloche.executor.runtimes import HostTool, Runtime, filled

#: How long a toolchain may take to say where it is.
_ASK_TIMEOUT_S = 20
_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")
_NAMED = re.compile(r"([a-z_]+)=(/.*)")
#: What every program needs of the system: commands, libraries, the C.UTF-8 locale, time zones.
_BASE: Final = ("/usr/bin", "/usr/lib64", "/usr/lib/locale", "/usr/libexec/coreutils", "/usr/share/zoneinfo")
#: What lies directly in these belongs to many; a prefix that is one of them is never shown as a whole.
_SHARED: Final = frozenset({"/", "/usr", "/usr/local", "/opt", "/home", "/root", "/etc", "/var"})

#: A cell has its own of these, which cover the host's.
CELLS_OWN: Final = ("/dev", "/proc", "/run", "/sys", "/tmp", "/work")  # noqa: S108  (the cell's own)


def base_view() -> tuple[str, ...]:
    """Host paths that every cell sees: never ``/usr`` as a whole, with other languages' packages in it."""
    libraries = sorted(str(path) for path in Path("/usr/lib").glob("*-linux-*") if path.is_dir())
    return tuple(_existing((*_BASE, *(libraries or ["/usr/lib", "/usr/lib32"]))))


async def find_toolchains(runtime: Runtime) -> list[Toolchain]:
    """One toolchain for each executable that can say where it lives, the preferred first.

    Raises:
        ToolchainMissingError: there is none, with what the candidates said.
    """
    candidates = _candidates(runtime.host)
    answers = await asyncio.gather(*(_resolved(runtime.host, c) for c in candidates), return_exceptions=True)
    found: dict[str, Toolchain] = {}
    said: list[str] = []
    for command, answer in zip(candidates, answers, strict=True):
        if isinstance(answer, Toolchain):
            found.setdefault(answer.tool, answer)
        elif isinstance(answer, ToolchainMissingError):
            said.append(f"{command}: {answer}")
        else:
            raise answer
    if not found:
        raise ToolchainMissingError("; ".join(said) or _not_installed(runtime.host))
    return list(found.values())


def _not_installed(host: HostTool) -> str:
    names = [c for c in host.commands if not re.search(r"[{*\[~]", c)]
    if all(name.startswith("/") for name in names):
        return f"there is no {' or '.join(names)}, or uid {os.geteuid()} can't reach it"
    how = f"; Debian has it in the package {host.package}" if host.package else ""
    return f"no {' or '.join(names)} on PATH{how}"


def _candidates(host: HostTool) -> list[str]:
    """Paths of executables, each file once."""
    directories = list(dict.fromkeys([*os.get_exec_path(), *_SYSTEM]))
    result: dict[str, str] = {}
    for command in host.commands:
        for path in _matching(command, directories):
            result.setdefault(os.path.realpath(path), path)
    return list(result.values())


def _matching(command: str, directories: list[str]) -> Iterable[str]:
    if command == "{executor}":
        return [sys.executable]
    if command[0] in "/~":
        absolute = os.path.expanduser(command)  # noqa: PTH111  (who has no home is no error)
        return [path for path in _matches("", absolute) if os.access(path, os.X_OK)]
    if not re.search(r"[*?\[]", command):
        return [found for d in directories if (found := shutil.which(command, path=d)) is not None]
    # A shim of a version that is not chosen only says so, and takes long to.
    real = [d for d in directories if Path(d).name != "shims"]
    return [path for d in real for path in _matches(d, command) if os.access(path, os.X_OK)]


async def _resolved(host: HostTool, command: str) -> Toolchain:
    if host.ask:
        return _toolchain(host, await _ask(filled(host.ask, {"tool": command})))
    return _toolchain(host, [_real(command)])


def _toolchain(host: HostTool, lines: list[str]) -> Toolchain:
    """What the answer to ``ask`` comes to.

    Raises:
        ToolchainMissingError: it names no executable, or what can't be shown to programs.
    """
    named = {found[1]: found[2] for line in lines if (found := _NAMED.fullmatch(line))}
    paths = [line for line in lines if line.startswith("/")]
    if not paths:
        raise ToolchainMissingError("it does not say where it is")
    tool = host.tool or paths[0]
    own = [path for path in paths[1:] if path not in _SHARED]
    extra = [path for pattern in host.readonly for path in _matches("", pattern)]
    seen = _outermost([*base_view(), *_existing((*own, *extra))])
    if not _within(tool, seen):
        seen = (*seen, tool)
    for path in (*seen, *host.placed):
        _refuse_unreadable(path)
    covered = next((path for path in seen if _within(path, CELLS_OWN)), None)
    if covered is not None:
        raise ToolchainMissingError(
            f"programs can't see {covered}: they have a {covered[: covered.index('/', 1)]} of their own"
        )
    hidden = [path for d in ("", *own) for pattern in host.hidden for path in _matches(d, pattern)]
    return Toolchain(
        tool=tool,
        readonly=seen,
        hidden=tuple(path for path in dict.fromkeys(hidden) if Path(path).is_dir() and _within(path, seen)),
        placed=tuple(host.placed.items()),
        values=tuple(named.items()),
    )


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
    if process.returncode != 0:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ToolchainMissingError(last[0][:200] if last else "it does not say where it is")
    return out.decode("utf-8", "replace").splitlines()


def _real(path: str) -> str:
    return os.path.realpath(path)


def _refuse_unreadable(path: str) -> None:
    """Programs run as we do; where we are root, as a user who owns nothing.

    Raises:
        ToolchainMissingError: they could not read ``path``, or it is not there.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise ToolchainMissingError(f"{path}: {error.strerror}") from error
    wanted = 0o5 if stat.S_ISDIR(mode) else 0o4
    if os.geteuid() == 0:
        readable = mode & wanted == wanted
    else:
        readable = os.access(path, os.R_OK | os.X_OK if stat.S_ISDIR(mode) else os.R_OK)
    if not readable:
        raise ToolchainMissingError(f"programs can't read {path}: chmod -R o+rX {path}")


def _matches(directory: str, pattern: str) -> list[str]:
    """Paths below ``directory`` that a relative pattern means; with no directory, an absolute one."""
    if pattern.startswith("/") == bool(directory):
        return []
    return sorted(str(path) for path in Path(directory or "/").glob(pattern.lstrip("/")))


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if Path(path).exists()]


def _within(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(os.path.normpath(path) for path in paths))
    return tuple(p for p in unique if not any(p != other and _within(p, (other,)) for other in unique))
