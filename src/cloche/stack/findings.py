"""Everything that ``cloche doctor`` looks at beside isolation: servers, runtimes, Docker, the page, the disk."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from cloche.executor.runtimes import RuntimeFileError
from cloche.stack.accounts import is_root, postgres_identity
from cloche.stack.binaries import find_postgres, find_valkey, postgres_candidates, valkey_candidates
from cloche.stack.finding import Finding
from cloche.stack.isolation import isolation_findings
from cloche.stack.layout_folders import MIN_FREE_BYTES
from cloche.stack.options import Layout
from cloche.stack.privileges import check_privileges
from cloche.stack.spawn import StackError
from cloche.stack.visible import find_runtimes, python_paths, web_dist

DOCKER_SOCKET: Final = Path("/var/run/docker.sock")
_OLDEST_NODE: Final = 20


def examine(data_dir: Path) -> list[Finding]:
    """Look at everything. Blocks for some seconds; changes nothing that stays."""
    return [
        *isolation_findings(),
        *_servers(),
        *_privileges(),
        *_runtimes(Layout(data_dir).runtimes),
        _docker(DOCKER_SOCKET),
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


class _UnixConnection(HTTPConnection):
    """HTTP to a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(str(self._path))


def _docker(path: Path) -> Finding:
    remedy = "Only for --engine docker: apt install docker.io, and let your user reach its socket."
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/version")
        answer: dict[str, Any] = json.loads(connection.getresponse().read(1 << 20))
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return Finding("docker", "engine", "limited", f"{path}: {reason}", remedy)
    finally:
        connection.close()
    return Finding("docker", "engine", "ok", f"{answer.get('Version', '?')} at {path}")


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
    free = shutil.disk_usage(place).free
    detail = f"{free // 2**20} MiB free for {data_dir}"
    if free < MIN_FREE_BYTES:
        return Finding("data", "disk", "missing", detail, "Free some space or choose another --data-dir.")
    if not os.access(place, os.W_OK):
        return Finding("data", "disk", "missing", f"{place} is not writable", "Choose another --data-dir.")
    return Finding("data", "disk", "ok", detail)


def _output(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
