"""A PostgreSQL of our own: made once, reached by one unix socket, never by TCP."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (only connect is used, and cast)

from cloche.stack.binaries import PostgresBinaries
from cloche.stack.orphans import processes_in
from cloche.stack.private_files import sync_folder, write_private
from cloche.stack.spawn import ChildCommand, Identity, StackError

ADMIN_ROLE: Final = "cloche_admin"
SOCKET_NAME: Final = ".s.PGSQL.5432"

#: A server that lost its supervisor writes its checkpoint before it goes.
OLD_SERVER_TIMEOUT_S: Final = 60.0
READY_TIMEOUT_S: Final = 60.0
INITDB_TIMEOUT_S: Final = 120.0

#: For a small machine. Given on the command line, so that they hold for every data directory.
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%a ",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One cluster in ``home/cluster``, its socket in ``socket_dir``; both folders exist already.

    ``home`` belongs to ``identity``. ``socket_mode`` is the mode of the socket.
    """

    binaries: PostgresBinaries
    home: Path
    socket_dir: Path
    admin_password: str
    identity: Identity | None = None
    socket_mode: int = 0o700
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "cluster"

    @property
    def exposed(self) -> list[tuple[Path, bool]]:
        """What the server must see even below a closed directory."""
        return [(self.binaries.prefix, False), (self.home, True), (self.socket_dir, True)]

    def dsn(self, role: str, password: str, database: str) -> str:
        """How ``role`` reaches ``database``."""
        return f"postgresql://{role}:{quote(password)}@/{database}?host={quote(str(self.socket_dir))}"

    @property
    def admin_dsn(self) -> str:
        """The superuser's connection to the maintenance database."""
        return self.dsn(ADMIN_ROLE, self.admin_password, "postgres")

    def prepare(self) -> None:
        """Make the cluster if there is none, and clear away what a dead server left. Idempotent.

        A server that is still going down is waited for. Blocks.

        Raises:
            StackError: the folder holds something else or another version's data, the disk is
                full, or an old server does not end.
        """
        self._check_socket_path()
        major = cluster_major(self.home)
        if major is None:
            self._initialise()
        elif major != self.binaries.major:
            raise StackError(
                f"{self.cluster} was written by PostgreSQL {major}; {self.binaries.folder} is {self.binaries.version}."
            )
        self._await_old_server()

    def command(self) -> ChildCommand:
        """The server in the foreground, logging to stderr; SIGINT is its fast shutdown."""
        options = {
            **SETTINGS,
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": f"{self.socket_mode:04o}",
            **self.settings,
        }
        argv = [str(self.binaries.folder / "postgres"), "-D", str(self.cluster)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return ChildCommand(argv, self.identity, signal.SIGINT, self.exposed)

    def _initialise(self) -> None:
        """Make the cluster under another name and rename it when it is complete."""
        if self.cluster.exists():
            if any(self.cluster.iterdir()):
                raise StackError(f"{self.cluster} holds no PostgreSQL data and is not empty; move it away.")
            self.cluster.rmdir()
        fresh = self.home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.home / "initdb.password"
        try:
            write_private(password_file, self.admin_password, self.identity)
            self._run_initdb(fresh, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        fresh.rename(self.cluster)
        sync_folder(self.home)

    def _run_initdb(self, fresh: Path, password_file: Path) -> None:
        argv = [str(self.binaries.folder / "initdb"), "-D", str(fresh), "-U", ADMIN_ROLE]
        argv += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8"]
        argv += ["--no-instructions", "-c", "shared_buffers=16MB"] if self.binaries.major >= 16 else []
        try:
            ChildCommand(argv, self.identity, exposed=self.exposed).run(timeout_s=INITDB_TIMEOUT_S)
        except StackError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            if "No space left" in str(error):
                raise StackError(f"The disk of {self.home} is full; PostgreSQL needs about 60 MB to begin.") from None
            raise

    def _check_socket_path(self) -> None:
        longest = 107  # Source: unix(7), sun_path
        path = self.socket_dir / SOCKET_NAME
        if len(str(path).encode()) > longest:
            raise StackError(f"The path of a socket is limited to {longest} bytes: {path}. Use a shorter --data-dir.")

    def _await_old_server(self) -> None:
        """End a server whose supervisor died, and remove a pid file that belongs to nobody.

        The file goes only when no process stands in the cluster: a backend that outlived its
        postmaster still writes, and the file is what keeps a second server from joining it.
        """
        deadline = time.monotonic() + OLD_SERVER_TIMEOUT_S
        told: int | None = None
        while at_work := processes_in(self.cluster, "postgres"):
            postmaster = _pid_in(self.cluster / "postmaster.pid")
            if time.monotonic() > deadline:
                raise StackError(f"An old PostgreSQL still works on {self.cluster}: processes {sorted(at_work)}.")
            if postmaster in at_work and postmaster != told:
                told = postmaster
                with contextlib.suppress(ProcessLookupError):
                    os.kill(postmaster, signal.SIGINT)
            time.sleep(0.05)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)


def cluster_major(home: Path) -> int | None:
    """The version that wrote ``home/cluster``; None when there is none.

    Raises:
        StackError: its version file can't be read.
    """
    try:
        return int((home / "cluster" / "PG_VERSION").read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StackError(f"{home}/cluster/PG_VERSION can't be read: {error}.") from error


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8").partition("\n")[0])
    except (OSError, ValueError):
        return None


async def connect(dsn: str, *, timeout_s: float = 10) -> Any:
    """One asyncpg connection."""
    connecting: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
    return await connecting(dsn, timeout=timeout_s)


async def ping(dsn: str) -> None:
    """Return when the server lets us in.

    Raises:
        OSError, asyncpg.PostgresError: it does not, yet.
    """
    connection = await connect(dsn, timeout_s=5)
    await connection.close()


async def wait_until_ready(dsn: str, alive: Callable[[], bool], *, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Return when the server answers.

    Raises:
        StackError: it ended, refused the login, or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if not alive():
            raise StackError("PostgreSQL ended while it was starting; see its log.")
        try:
            await ping(dsn)
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise StackError(f"PostgreSQL refused the login: {error}") from error
        except (OSError, asyncpg.PostgresError) as error:
            if time.monotonic() > deadline:
                raise StackError(f"PostgreSQL did not answer within {timeout_s:.0f} s: {error}") from error
            await asyncio.sleep(0.02)
        else:
            return
