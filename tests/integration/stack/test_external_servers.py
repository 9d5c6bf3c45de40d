"""The same stack on servers that somebody else runs, and as an ordinary user."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from cloche.stack import accounts, control, postgres_server, valkey_server
from cloche.stack.accounts import is_root
from cloche.stack.binaries import find_postgres, find_valkey
from cloche.stack.options import Layout
from cloche.stack.postgres_server import PostgresServer
from cloche.stack.private_files import make_folder
from cloche.stack.spawn import ChildCommand, Identity, StackError
from cloche.stack.stores import recall_owner
from cloche.stack.visible import python_paths

from .conftest import cloche, start


@pytest.fixture
def external_postgres(passable, new_port) -> Iterator[str]:
    """A server on TCP that the stack does not start, as its administrator reaches it."""
    identity = accounts.postgres_identity()
    owner = {"uid": identity.uid, "gid": identity.gid} if identity else {}
    port = new_port()
    server = PostgresServer(
        binaries=find_postgres(),
        home=make_folder(passable / "pg", **owner),
        socket_dir=make_folder(passable / "pgs", **owner),
        admin_password="hush",
        identity=identity,
        settings={"listen_addresses": "127.0.0.1", "port": str(port)},
    )
    server.prepare()
    with (passable / "log").open("wb") as log:
        process = server.command().start(log)
    url = f"postgresql://{postgres_server.ADMIN_ROLE}:hush@127.0.0.1:{port}/postgres"
    asyncio.run(postgres_server.wait_until_ready(url, lambda: process.poll() is None))
    yield url
    process.send_signal(signal.SIGINT)
    process.wait(30)


@pytest.fixture
def external_redis(passable, new_port) -> Iterator[str]:
    """A server on TCP that the stack does not start."""
    port = new_port()
    program = find_valkey().program
    process = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--dir", passable], stdout=subprocess.DEVNULL
    )
    url = f"redis://127.0.0.1:{port}/0"
    asyncio.run(valkey_server.wait_until_ready(url, lambda: process.poll() is None))
    yield url
    process.terminate()
    process.wait(30)


def shown_by(pid: int | None) -> bytes:
    """What others may see of a process's start."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


def is_there(path: Path) -> bool:
    """Whether the path exists."""
    return path.exists()


async def test_external_servers_replace_the_embedded_ones(stack_options, external_postgres, external_redis) -> None:
    options = replace(stack_options, pg_url=external_postgres, redis_url=external_redis, parts=("queue",))
    status = start(options)
    assert [child.name for child in status.children] == ["queue"]
    connection = await asyncpg.connect(recall_owner(Layout(options.data_dir)))
    assert await connection.fetchval("SELECT current_database()") == "cloche"
    await connection.close()
    for pid in (status.pid, status.children[0].pid):
        assert b"hush" not in shown_by(pid)
    assert not is_there(options.data_dir / "postgres")
    key = cloche("keys", "create", "--pg-url", external_postgres)
    assert key.stdout.startswith("cl_")
    # Roles are the server's, not the database's: a stack with other passwords would lock this one out.
    second = replace(options, data_dir=options.data_dir.with_name("second"), parts=(), pg_url=f"{external_postgres}2")
    with pytest.raises(StackError, match=r"serves another Cloche.*cloche_owner.*credentials\.json"):
        control.await_ready(control.start_supervisor(second, attached=False))
    await (await asyncpg.connect(recall_owner(Layout(options.data_dir)))).close()
    # With the first one's passwords both may use it.
    shutil.copyfile(Layout(options.data_dir).credentials, Layout(second.data_dir).credentials)
    admitted = control.start_supervisor(second, attached=False)
    control.await_ready(admitted)
    assert control.stop_supervisor(second.data_dir)
    assert admitted.process.wait(30) == 0
    await (await asyncpg.connect(recall_owner(Layout(options.data_dir)))).close()


def test_an_external_server_that_is_away_is_told_without_its_password(stack_options, redis_url) -> None:
    options = replace(stack_options, pg_url="postgresql://admin:hush@127.0.0.1:1/postgres", redis_url=redis_url)
    with pytest.raises(StackError, match=r"does not answer at postgresql://127\.0\.0\.1:1") as told:
        control.await_ready(control.start_supervisor(options, attached=False))
    assert "hush" not in str(told.value)


@pytest.mark.skipif(not is_root(), reason="an ordinary user runs every other test like this")
def test_an_ordinary_user_runs_a_stack(passable, free_port) -> None:
    nobody = Identity(65534, 65534)
    data = make_folder(passable / "theirs", uid=nobody.uid, gid=nobody.gid) / "d"
    exposed = [(path, False) for path in python_paths()]

    def run(*arguments: str) -> str:
        argv = [sys.executable, "-m", "cloche.cli.main", *arguments, "--data-dir", str(data)]
        environment = {"HOME": str(data.parent), "CLOCHE_PARTS": "queue", "COLUMNS": "200"}
        return ChildCommand(argv, nobody, exposed=exposed, environment=environment).run(timeout_s=100)

    try:
        assert "Cloche runs" in run("up", "--detach", "--port", str(free_port))
        assert "queue" in run("status")
        assert {path.stat().st_uid for path in data.rglob("*")} == {nobody.uid}
        sockets = [path for path in (data / "run").rglob("*") if path.is_socket()]
        assert len(sockets) == 4
        assert all(path.stat().st_mode & 0o077 == 0 for path in sockets)
        assert os.access(data / "credentials.json", os.R_OK)
    finally:
        assert "stopped" in run("down")


def test_a_wrong_external_url_ends_with_a_sentence(stack_options) -> None:
    done = cloche(
        "up", "--detach", "--port", str(stack_options.port), "--data-dir", str(stack_options.data_dir),
        "--pg-url", "mysql://x", "--redis-url", "redis://127.0.0.1:1",
    )  # fmt: skip
    assert done.returncode == 1
    assert "--pg-url" in done.stderr
    assert "Traceback" not in done.stderr
