"""A real PostgreSQL and a real Valkey for each test process, started once and removed at the end.

Nothing is shared between xdist's processes: each has servers of its own in a folder of its own.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis

from cloche.kit.listen import open_listener
from cloche.stack import accounts, postgres_server, valkey_server
from cloche.stack.binaries import find_postgres, find_valkey
from cloche.stack.migrate import upgrade
from cloche.stack.postgres_server import PostgresServer
from cloche.stack.private_files import make_folder
from cloche.stack.roles import OWNER_ROLE, ROLES, SERVICE_ROLES, close_database, create_roles_and_database
from cloche.stack.spawn import Identity
from cloche.stack.valkey_server import ValkeyServer

T = TypeVar("T")

TEMPLATE = "cloche_template"

#: The test's data may go with the machine; the product's never.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True)
class Database:
    """A migrated, empty database and how each role reaches it."""

    name: str
    owner: str
    api: str
    queue: str
    storage: str
    admin: str


@dataclass(frozen=True)
class Postgres:
    """A running server with a migrated template database."""

    server: PostgresServer
    passwords: dict[str, str]

    def new_database(self) -> Database:
        """A fresh copy of the template, in some 50 ms."""
        name = f"test_{secrets.token_hex(6)}"
        in_new_loop(self._copy(name))
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Remove it, whoever is still connected."""
        in_new_loop(self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def database(self, name: str) -> Database:
        """The addresses of a database."""
        services = {s: self.server.dsn(role, self.passwords[role], name) for s, role in SERVICE_ROLES.items()}
        return Database(
            name=name,
            owner=self.server.dsn(OWNER_ROLE, self.passwords[OWNER_ROLE], name),
            admin=self.server.dsn(postgres_server.ADMIN_ROLE, self.server.admin_password, name),
            **services,
        )

    async def _copy(self, name: str) -> None:
        connection = await postgres_server.connect(self.server.admin_dsn)
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            await close_database(connection, name)
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        connection = await postgres_server.connect(self.server.admin_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def in_new_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` in an event loop of its own thread, so that the test's loop is left alone."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder with a short path that other accounts can pass through, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-t-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def make_owned(folder: Path, identity: Identity | None) -> Path:
    """``folder``, made and given to ``identity``."""
    return make_folder(folder, uid=identity and identity.uid, gid=identity and identity.gid)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[Postgres]:
    """A running PostgreSQL with every role and a migrated template."""
    identity = accounts.postgres_identity()
    server = PostgresServer(
        binaries=find_postgres(),
        home=make_owned(server_folder / "pg", identity),
        socket_dir=make_owned(server_folder / "pgs", identity),
        admin_password=secrets.token_urlsafe(16),
        identity=identity,
        settings=QUICK,
    )
    server.prepare()
    passwords = {role: secrets.token_urlsafe(16) for role in ROLES}
    running = Postgres(server, passwords)
    with (server_folder / "postgres.log").open("wb") as log:
        process = server.command().start(log)
    try:
        in_new_loop(postgres_server.wait_until_ready(server.admin_dsn, lambda: process.poll() is None))
        in_new_loop(create_roles_and_database(server.admin_dsn, passwords, TEMPLATE))
        upgrade(running.database(TEMPLATE).owner)
        yield running
    finally:
        _end(process, signal.SIGINT)


@pytest.fixture(scope="session")
def new_database(postgres: Postgres) -> Iterator[Callable[[], Database]]:
    """Call it for a fresh, migrated database; all of them go at the end."""
    made: list[Database] = []

    def make() -> Database:
        made.append(postgres.new_database())
        return made[-1]

    yield make
    for database in made:
        postgres.drop_database(database.name)


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Database]:
    """A fresh, migrated database for one test module."""
    fresh = postgres.new_database()
    yield fresh
    postgres.drop_database(fresh.name)


@pytest.fixture(scope="session")
def valkey(server_folder: Path) -> Iterator[ValkeyServer]:
    """A running Valkey with one user a service."""
    server = ValkeyServer(
        binary=find_valkey(),
        home=make_owned(server_folder / "vk", None),
        socket_dir=make_owned(server_folder / "vks", None),
        passwords={user: secrets.token_urlsafe(16) for user in valkey_server.RIGHTS},
    )
    server.prepare()
    with (server_folder / "valkey.log").open("wb") as log:
        process = server.command().start(log)
    try:
        in_new_loop(valkey_server.wait_until_ready(server.url("owner"), lambda: process.poll() is None))
        yield server
    finally:
        _end(process, signal.SIGTERM)


@pytest.fixture
def redis_urls(valkey: ValkeyServer) -> Generator[dict[str, str]]:
    """How each service's user (and ``owner``, who may do all) reaches an emptied Valkey."""
    with redis.Redis.from_url(valkey.url("owner")) as client:
        client.flushall()
        yield {user: valkey.url(user) for user in valkey_server.RIGHTS}
        client.flushall()


@pytest.fixture
def redis_url(redis_urls: dict[str, str]) -> str:
    """An emptied Valkey, as a user who may do all."""
    return redis_urls["owner"]


@pytest.fixture(scope="session")
def docker_socket() -> Iterator[str]:
    """The socket of a Docker Engine that has the runtime images.

    ``CLOCHE_TEST_DOCKER_SOCKET`` names a running one; else one is started, which xdist's
    processes share and the last of them stops. Never skipped, so that nothing is left out unseen.
    """
    root = Path(__file__).parents[1]
    with contextlib.ExitStack() as stack:
        given = os.environ.get("CLOCHE_TEST_DOCKER_SOCKET")
        if given is None:
            hold = [sys.executable, str(root / "scripts/test_dockerd.py"), "hold", str(root / ".cache/test-engine")]
            holder = subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(holder)
            assert holder.stdout is not None
            given = holder.stdout.readline().strip()
            assert given, "no Docker Engine for the tests; scripts/test_dockerd.py says why above"
        build = [sys.executable, str(root / "scripts/build_images.py"), "bash", "python"]
        subprocess.run(build, env={**os.environ, "DOCKER_HOST": f"unix://{given}"}, check=True)
        yield given


def start_docker_proxy(
    path: Path, log: Path, settings: dict[str, str], command: Sequence[str] = ("-m", "cloche.dockerproxy")
) -> subprocess.Popen[bytes]:
    """A Docker Socket Proxy on a socket that is open already: who connects early waits until it serves.

    ``command`` is what Python runs.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CLOCHE_")}
    environ |= {f"CLOCHE_DOCKERPROXY_{name}": value for name, value in settings.items()}
    with open_listener(f"unix:{path}") as listener, log.open("ab") as sink:
        environ["CLOCHE_DOCKERPROXY_LISTEN"] = f"fd:{listener.fileno()}"
        return subprocess.Popen(
            [sys.executable, *command],
            env=environ,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )


@pytest.fixture(scope="session")
def spawn_docker_proxy() -> Callable[..., subprocess.Popen[bytes]]:
    """``start_docker_proxy``, for tests that want a proxy with settings of their own."""
    return start_docker_proxy


@pytest.fixture(scope="session")
def gvisor_proxy(docker_socket: str, server_folder: Path) -> Iterator[str]:
    """As ``docker_proxy``, one whose containers run under gVisor."""
    path = server_folder / "gvisor-proxy.sock"
    settings = {"DOCKER_SOCKET": docker_socket, "INSTANCE": f"test-{secrets.token_hex(4)}", "RUNTIME": "runsc"}
    process = start_docker_proxy(path, server_folder / "gvisor-proxy.log", settings)
    yield f"unix:{path}"
    _end(process, signal.SIGTERM)


@pytest.fixture(scope="session")
def docker_proxy(docker_socket: str, server_folder: Path) -> Iterator[str]:
    """The address of a Docker Socket Proxy with its default settings."""
    path = server_folder / "docker-proxy.sock"
    settings = {"DOCKER_SOCKET": docker_socket, "INSTANCE": f"test-{secrets.token_hex(4)}"}
    process = start_docker_proxy(path, server_folder / "docker-proxy.log", settings)
    yield f"unix:{path}"
    _end(process, signal.SIGTERM)
