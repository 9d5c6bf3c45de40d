"""Everything that ``cloche doctor`` looks at beside isolation: servers, runtimes, the page, the disk."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cloche.executor.runtimes import RuntimeFileError
from cloche.stack.accounts import is_root, postgres_identity
from cloche.stack.binaries import find_postgres, find_valkey, postgres_candidates, valkey_candidates
from cloche.stack.docker_findings import docker_findings
from cloche.stack.executor_findings import executor_findings
from cloche.stack.finding import Finding
from cloche.stack.host_facts import HostFacts, look
from cloche.stack.isolation import isolation_findings
from cloche.stack.layout_folders import MIN_FREE_BYTES
from cloche.stack.options import Layout
from cloche.stack.privileges import check_privileges
from cloche.stack.spawn import StackError
from cloche.stack.visible import find_runtimes, python_paths, web_dist

_OLDEST_NODE: Final = 20
#: PostgreSQL makes about a thousand files for each database.
_MIN_FREE_INODES: Final = 10_000


def examine(data_dir: Path, look_at_host: Callable[[], HostFacts] = look) -> list[Finding]:
    """Look at everything. Blocks for some seconds; changes nothing that stays."""
    facts = look_at_host()
    if facts.fork_error:
        return [*isolation_findings(facts), _disk(data_dir)]  # the others ask programs
    return [
        *isolation_findings(facts),
        *executor_findings(Layout(data_dir)),
        *_servers(),
        *_privileges(),
        *_runtimes(Layout(data_dir).runtimes),
        *docker_findings(),
        _page(),
        _disk(data_dir),
    ]


def _servers() -> Iterator[Finding]:
    try:
        chosen = find_postgres()
        others = [f"{found.version} ({found.source})" for found in postgres_candidates() if found != chosen]
        detail = f"{chosen.version} ({chosen.source}, {chosen.folder})"
        yield Finding("servers", "postgresql", "ok", detail + (f"; also {', '.join(others)}" if others else ""))
    except StackError as error:
        yield Finding("servers", "postgresql", "missing", "none found", str(error))
    try:
        valkey = find_valkey()
        others = [f"{found.version} ({found.source})" for found in valkey_candidates() if found != valkey]
        detail = f"{valkey.version} ({valkey.source}, {valkey.program})"
        yield Finding("servers", "valkey", "ok", detail + (f"; also {', '.join(others)}" if others else ""))
    except StackError as error:
        yield Finding("servers", "valkey", "missing", "none found", str(error))


def _privileges() -> Iterator[Finding]:
    if not is_root():
        detail = "an ordinary user: every service runs as you"
        yield Finding("services", "separation", "limited", detail, "Start Cloche as root to give each its own user.")
        return
    try:
        check_privileges(python_paths())
        postgres_identity()
    except StackError as error:
        yield Finding("services", "separation", "missing", "root without what it takes", str(error))
    else:
        yield Finding("services", "separation", "ok", "root: each service gets its own user")


def _runtimes(added: Path) -> Iterator[Finding]:
    try:
        runtimes = find_runtimes(added)
    except RuntimeFileError as error:
        yield Finding("runtimes", "files", "missing", str(error), "Install Cloche anew.")
        return
    for runtime in runtimes:
        if runtime.toolchains:
            yield Finding("runtimes", runtime.name, "ok", ", ".join(found.tool for found in runtime.toolchains))
        else:
            yield Finding("runtimes", runtime.name, "limited", runtime.reason, "cloche runtimes tells more.")


def _page() -> Finding:
    built = web_dist()
    if built is not None:
        return Finding("page", "frontend", "ok", f"built: {built}")
    node = shutil.which("node")
    version = _output([node, "--version"]) if node else ""
    major = version.removeprefix("v").partition(".")[0]
    if major.isdecimal() and int(major) >= _OLDEST_NODE:
        return Finding("page", "frontend", "limited", f"not built; node {version} is here", "make frontend")
    remedy = f"Install Node {_OLDEST_NODE} or newer and build it, or install Cloche's wheel, which contains it."
    return Finding("page", "frontend", "limited", "not built, and no Node to build it", remedy)


def _disk(data_dir: Path) -> Finding:
    place = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    if not os.access(place, os.W_OK):
        return Finding("data", "disk", "missing", f"{place} is not writable", "Choose another --data-dir.")
    found = os.statvfs(place)
    return disk_finding(data_dir, found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def disk_finding(data_dir: Path, free_bytes: int, free_inodes: int | None) -> Finding:
    """Whether there is room below ``data_dir``; None: its file system does not count inodes. Pure."""
    remedy = "Free some space or choose another --data-dir."
    if free_bytes < MIN_FREE_BYTES:
        detail = (
            f"the disk is full: {free_bytes // 2**20} MiB free for {data_dir}, {MIN_FREE_BYTES // 2**20} are needed"
        )
        return Finding("data", "disk", "missing", detail, remedy)
    if free_inodes is not None and free_inodes < _MIN_FREE_INODES:
        detail = f"the disk has no room for further files: {free_inodes} inodes free for {data_dir}"
        return Finding("data", "disk", "missing", detail, remedy)
    return Finding("data", "disk", "ok", f"{free_bytes // 2**20} MiB free for {data_dir}")


def _output(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
