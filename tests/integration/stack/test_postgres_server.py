"""The embedded PostgreSQL comes up from any state its data directory can be left in, and loses nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from cloche.stack import accounts, postgres_server
from cloche.stack.binaries import find_postgres, postgres_candidates
from cloche.stack.orphans import processes_in
from cloche.stack.postgres_server import PostgresServer
from cloche.stack.private_files import make_folder
from cloche.stack.spawn import StackError

CANDIDATES = {found.source: found for found in postgres_candidates()}


def make_server(folder: Path, source: str = "system") -> PostgresServer:
    identity = accounts.postgres_identity()
    owner = {"uid": identity.uid, "gid": identity.gid} if identity else {}
    return PostgresServer(
        binaries=CANDIDATES[source],
        home=make_folder(folder / "pg", **owner),
        socket_dir=make_folder(folder / "run", **owner),
        admin_password="test-password-9fb2c4d1",
        identity=identity,
    )


@contextmanager
def running(server: PostgresServer, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    server.prepare()
    with (folder / "log").open("ab") as log:
        process = server.command().start(log)
    try:
        asyncio.run(postgres_server.wait_until_ready(server.admin_dsn, lambda: process.poll() is None))
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def query(server: PostgresServer, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(server.admin_dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_both_the_system_and_the_wheel_are_found() -> None:
    assert set(CANDIDATES) == {"system", "wheel"}


@pytest.mark.parametrize("source", CANDIDATES)
def test_data_survives_a_stop(passable, source) -> None:
    server = make_server(passable, source)
    with running(server, passable):
        query(server, "CREATE TABLE kept AS SELECT 7 AS a")
    with running(server, passable):
        assert query(server, "SELECT a FROM kept") == 7
        assert str(query(server, "SHOW server_version")).startswith(server.binaries.version)


@pytest.fixture(scope="module", params=CANDIDATES)
def served(request, server_folder) -> Iterator[tuple[PostgresServer, subprocess.Popen[bytes]]]:
    """A server of each source that runs, for tests that only look at it."""
    folder = make_folder(server_folder / f"look-{request.param}", mode=0o711)
    server = make_server(folder, request.param)
    with running(server, folder) as process:
        yield server, process


def test_it_listens_on_its_socket_alone_and_keeps_every_commit(served) -> None:
    server, _ = served
    assert query(server, "SHOW listen_addresses") == ""
    assert query(server, "SHOW fsync") == "on"
    assert query(server, "SHOW synchronous_commit") == "on"
    methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert query(server, methods) == "scram-sha-256"
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(postgres_server.ping(server.dsn("cloche_admin", "wrong", "postgres")))


def test_a_wrong_password_is_told_at_once(served) -> None:
    server, process = served
    dsn = server.dsn("cloche_admin", "wrong", "postgres")
    with pytest.raises(StackError, match="refused the login"):
        asyncio.run(postgres_server.wait_until_ready(dsn, lambda: process.poll() is None))


def test_secrets_do_not_stand_in_arguments_or_environment(served) -> None:
    server, process = served
    for name in ("cmdline", "environ"):
        assert server.admin_password.encode() not in Path(f"/proc/{process.pid}/{name}").read_bytes()


def test_a_half_initialised_folder_is_made_anew(passable) -> None:
    server = make_server(passable)
    half = make_folder(server.home / "cluster.new")
    (half / "PG_VERSION").write_text("15")
    with running(server, passable):
        assert query(server, "SELECT 1") == 1
    assert not half.exists()
    assert not (server.home / "initdb.password").exists()


def test_an_empty_cluster_folder_is_used_and_kept_by_the_version_that_wrote_it(passable) -> None:
    server = make_server(passable, "wheel")
    make_folder(server.cluster)
    server.prepare()
    # And its data is opened by the version that wrote it, though a system's is preferred.
    assert find_postgres(postgres_server.cluster_major(server.home)) == CANDIDATES["wheel"]


def test_a_folder_with_something_else_is_refused_and_left_alone(passable) -> None:
    server = make_server(passable)
    make_folder(server.cluster)
    (server.cluster / "letter.txt").write_text("dear")
    with pytest.raises(StackError, match="not empty"):
        server.prepare()
    assert (server.cluster / "letter.txt").read_text() == "dear"


def test_another_versions_data_is_refused_with_a_way_out(passable) -> None:
    make_folder(passable / "pg")
    make_folder(passable / "pg" / "cluster")
    (passable / "pg" / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StackError, match="was written by PostgreSQL 17"):
        make_server(passable).prepare()
    with pytest.raises(StackError, match="Install PostgreSQL 17"):
        find_postgres(postgres_server.cluster_major(passable / "pg"))


def test_a_pid_file_whose_number_is_somebody_elses_does_not_stop_it(passable) -> None:
    server = make_server(passable)
    server.prepare()
    # The same account's process, as after a restart of the machine: PostgreSQL by itself would refuse.
    script = "import os,sys,time; os.setuid(int(sys.argv[1])); print('up', flush=True); time.sleep(600)"
    uid = str(server.identity.uid if server.identity else os.getuid())
    other = subprocess.Popen([os.path.realpath(sys.executable), "-c", script, uid], stdout=subprocess.PIPE)
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == b"up\n"
        (server.cluster / "postmaster.pid").write_text(f"{other.pid}\n{server.cluster}\n1\n5432\n")
        with running(server, passable):
            assert query(server, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_a_server_without_its_supervisor_is_ended_first(passable) -> None:
    server = make_server(passable)
    server.prepare()
    with (passable / "log").open("ab") as log:
        old = server.command().start(log)
    asyncio.run(postgres_server.wait_until_ready(server.admin_dsn, lambda: old.poll() is None))
    query(server, "CREATE TABLE kept AS SELECT 7 AS a")
    with running(server, passable):
        assert old.poll() == 0
        assert query(server, "SELECT a FROM kept") == 7


def test_after_kill_9_every_commit_is_there(passable) -> None:
    server = make_server(passable)
    with running(server, passable) as process:
        query(server, "CREATE TABLE kept AS SELECT 7 AS a")
        process.kill()
        process.wait()
    with running(server, passable):
        assert query(server, "SELECT a FROM kept") == 7


def test_it_ends_when_the_process_that_started_it_is_killed(passable) -> None:
    server = make_server(passable)
    server.prepare()
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(passable), server.binaries.source], stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"ready\n"
    assert processes_in(server.cluster, "postgres")
    starter.kill()
    starter.wait()
    starter.stdout.close()
    server.prepare()
    assert not processes_in(server.cluster, "postgres")
    assert "fast shutdown" in (passable / "log").read_text()


_STARTER = """
import asyncio, sys, time
from pathlib import Path
from cloche.stack import accounts, postgres_server
from cloche.stack.binaries import postgres_candidates
folder = Path(sys.argv[1])
binaries = {found.source: found for found in postgres_candidates()}[sys.argv[2]]
identity = accounts.postgres_identity()
server = postgres_server.PostgresServer(binaries, folder / "pg", folder / "run", "test-password-9fb2c4d1", identity)
with (folder / "log").open("ab") as log:
    process = server.command().start(log)
asyncio.run(postgres_server.wait_until_ready(server.admin_dsn, lambda: process.poll() is None))
print("ready", flush=True)
time.sleep(600)
"""


def test_a_socket_path_that_is_too_long_is_told(passable) -> None:
    long = make_folder(passable / ("d" * 90))
    server = make_server(long)
    with pytest.raises(StackError, match="shorter --data-dir"):
        server.prepare()
    assert not server.cluster.exists()
