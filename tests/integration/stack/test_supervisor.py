"""The supervisor keeps a stack running, tells the truth about it, and leaves nothing behind."""

import asyncio
import json
import os
import select
import signal
import socket
import stat
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from cloche.stack import control
from cloche.stack.accounts import is_root
from cloche.stack.credentials import load_or_create
from cloche.stack.options import Layout
from cloche.stack.readiness import check_ready
from cloche.stack.spawn import StackError
from cloche.stack.status import ChildStatus
from cloche.stack.stores import recall_owner

from .conftest import cloche, eventually, list_processes, start


def child(options, name: str) -> ChildStatus:
    status = control.running(options.data_dir)
    assert status is not None
    return next(found for found in status.children if found.name == name)


async def count_evaluations(options) -> int:
    connection = await asyncpg.connect(recall_owner(Layout(options.data_dir)))
    try:
        return await connection.fetchval("SELECT count(*) FROM evaluation")
    finally:
        await connection.close()


async def add_evaluation(options) -> None:
    connection = await asyncpg.connect(recall_owner(Layout(options.data_dir)))
    await connection.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES (gen_random_uuid(), 't', 'r')")
    await connection.close()


async def test_data_and_the_first_admin_key_survive_down_and_up(stack_options) -> None:
    options = replace(stack_options, require_keys=True)
    where = ["--data-dir", str(options.data_dir)]
    start(options)
    await add_evaluation(options)
    path = options.data_dir / "admin-key"
    key = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    down = cloche("down", *where)
    assert (down.returncode, down.stdout) == (0, "Cloche is stopped.\n")
    assert control.running(options.data_dir) is None
    assert not list_processes(options.data_dir)
    assert cloche("down", *where).stdout == "Cloche does not run.\n"
    start(options)
    assert await count_evaluations(options) == 1
    assert path.read_text().strip() == key
    [row] = json.loads(cloche("keys", "list", "--json", *where).stdout)
    assert row["id"] == key.split("_")[1]
    assert "admin" in row["scopes"]


@pytest.mark.parametrize("name", ["postgres", "valkey", "queue"])
async def test_a_killed_child_comes_back_and_status_says_so(living, name) -> None:
    await add_evaluation(living)
    stored = await count_evaluations(living)
    before = child(living, name)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    restarts = before.restarts + 1
    await eventually(lambda: child(living, name).restarts == restarts and child(living, name).state == "ready")
    after = child(living, name)
    assert after.pid not in {None, before.pid}
    assert after.last_exit == "killed by SIGKILL"
    assert after.last_exit_at is not None
    assert await count_evaluations(living) == stored
    await eventually(lambda: (found := control.running(living.data_dir)) is not None and found.ready)


async def test_connections_wait_while_a_child_is_away(living) -> None:
    address = f"unix:{living.data_dir}/run/queue-internal.sock"
    pid = child(living, "queue").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: child(living, "queue").state != "ready")
    # Nobody accepts now, and the call is not refused: the listener is the supervisor's.
    reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: queue\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    await check_ready(address)


async def test_a_killed_supervisor_leaves_no_orphan_and_the_next_goes_on(stack_options) -> None:
    options = replace(stack_options, parts=("queue",))
    status = start(options)
    await add_evaluation(options)
    os.kill(status.pid, signal.SIGKILL)
    await eventually(lambda: not list_processes(options.data_dir))
    assert control.running(options.data_dir) is None
    again = start(options)
    assert again.ready
    assert await count_evaluations(options) == 1


async def test_the_next_supervisor_may_start_while_the_old_servers_still_end(stack_options) -> None:
    status = start(stack_options)
    await add_evaluation(stack_options)
    os.kill(status.pid, signal.SIGKILL)
    start(stack_options)
    assert await count_evaluations(stack_options) == 1


def test_a_second_supervisor_is_refused(living) -> None:
    second = control.start_supervisor(living, attached=False)
    with pytest.raises(StackError, match="Another supervisor"):
        control.await_ready(second)
    assert control.running(living.data_dir) is not None


async def test_a_stop_while_the_cluster_is_made_ends_it_and_the_next_start_makes_it_anew(stack_options) -> None:
    started = control.start_supervisor(stack_options, attached=False)
    await eventually(lambda: next((stack_options.data_dir / "postgres").glob("cluster*"), None))
    assert control.stop_supervisor(stack_options.data_dir, timeout_s=30)
    assert started.process.wait(10) == 0
    os.close(started.reports)
    assert not list_processes(stack_options.data_dir)
    assert start(stack_options).ready


def test_a_port_in_use_is_told_before_anything_starts(stack_options) -> None:
    with socket.create_server(("127.0.0.1", stack_options.port)):
        started = control.start_supervisor(replace(stack_options, parts=("web",)), attached=False)
        with pytest.raises(StackError, match=f"Port {stack_options.port} on 127.0.0.1 is in use"):
            control.await_ready(started)
    assert not (stack_options.data_dir / "postgres").exists()


def test_a_child_that_does_not_start_is_named_with_its_last_words(stack_options) -> None:
    bad = "CLOCHE_QUEUE_NO_SUCH_SETTING"
    os.environ[bad] = "1"
    try:
        started = control.start_supervisor(replace(stack_options, parts=("queue",)), attached=False)
        with pytest.raises(StackError, match=f"(?s)queue ended 3 times.*{bad}"):
            control.await_ready(started)
    finally:
        del os.environ[bad]
    assert control.running(stack_options.data_dir) is None
    assert not list_processes(stack_options.data_dir)


def test_sockets_and_secrets_are_open_to_their_callers_alone(living) -> None:
    run = living.data_dir / "run"
    sockets = {path.relative_to(run).as_posix(): path.stat() for path in run.rglob("*") if path.is_socket()}
    assert set(sockets) == {"queue-internal.sock", "queue-public.sock", "pg/.s.PGSQL.5432", "valkey/valkey.sock"}
    for found in sockets.values():
        assert found.st_mode & 0o007 == 0
    if is_root():
        groups = {found.st_gid for found in sockets.values()}
        assert len(groups) == len(sockets)
        assert all(gid >= living.base_uid for gid in groups)
    secrets = [living.data_dir / "credentials.json", *(living.data_dir / "secrets").iterdir()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)


@pytest.mark.skipif(not is_root(), reason="only root can give services users of their own")
def test_as_root_a_service_has_its_own_user_and_groups_and_no_secret_in_sight(living) -> None:
    pid = child(living, "queue").pid
    facts = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert facts["Uid"].split() == [str(living.base_uid + 2)] * 4
    assert facts["Gid"].split() == [str(living.base_uid + 2)] * 4
    assert facts["NoNewPrivs"] == "1"
    assert int(facts["CapEff"], 16) == 0
    pg, valkey = ((living.data_dir / "run" / name).stat().st_gid for name in ("pg", "valkey"))
    assert {int(gid) for gid in facts["Groups"].split()} == {pg, valkey}
    assert (living.data_dir / "secrets" / "queue.json").stat().st_uid == living.base_uid + 2
    credentials = load_or_create(living.data_dir / "credentials.json")
    shown = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
    values = [credentials.admin_password]
    for group in (credentials.roles, credentials.users, credentials.tokens):
        values += group.values()
    assert not any(value.encode() in shown for value in values)


@pytest.mark.skipif(not is_root(), reason="only root's services are hidden from one another")
def test_as_root_a_service_does_not_see_the_home_of_root(living) -> None:
    pid = child(living, "queue").pid
    hidden = [path.name for path in Path("/root").iterdir()]
    seen = [path.name for path in Path(f"/proc/{pid}/root/root").iterdir()]
    assert set(seen) <= {".pyenv"}
    assert len(seen) < len(hidden)


def test_a_second_up_says_so(living) -> None:
    where = ["--data-dir", str(living.data_dir)]
    again = cloche("up", "--detach", "--port", str(living.port), *where)
    assert (again.returncode, again.stdout) == (0, f"Cloche runs at http://127.0.0.1:{living.port}\n")
    other = cloche("up", "--detach", "--port", "1", *where)
    assert other.returncode == 1
    assert "already runs" in other.stderr
    foreground = cloche("up", "--port", str(living.port), *where)
    assert foreground.returncode == 1


def test_status_is_for_people_and_for_programs(living, tmp_path) -> None:
    assert cloche("status", "--data-dir", str(tmp_path)).returncode == 4
    where = ["--data-dir", str(living.data_dir)]
    shown = cloche("status", *where)
    assert shown.returncode == 0
    assert "postgres" in shown.stdout
    found = json.loads(cloche("status", "--json", *where).stdout)
    assert found["running"] is True
    assert found["ready"] is True
    assert [entry["name"] for entry in found["children"]] == ["postgres", "valkey", "queue"]


def test_an_attached_supervisor_ends_with_its_terminal(stack_options) -> None:
    reading, writing = os.pipe()
    starter = os.fork()
    if starter == 0:
        started = control.start_supervisor(stack_options, attached=True)
        control.await_ready(started)
        os.write(writing, b"r")
        signal.pause()
    assert os.read(reading, 1) == b"r"
    status = control.running(stack_options.data_dir)
    assert status is not None
    watch = os.pidfd_open(status.pid)
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    poller = select.poll()
    poller.register(watch, select.POLLIN)
    assert poller.poll(30_000)
    for descriptor in (reading, writing, watch):
        os.close(descriptor)
    assert not list_processes(stack_options.data_dir)


def test_keys_are_made_listed_and_revoked(living) -> None:
    where = ["--data-dir", str(living.data_dir)]
    made = cloche("keys", "create", "--tenant", "lab", "--scope", "read", "--scope", "submit", "--name", "ci", *where)
    key = made.stdout.strip()
    assert key.startswith("cl_")
    key_id = key.split("_")[1]
    [row] = json.loads(cloche("keys", "list", "--json", *where).stdout)
    assert (row["id"], row["tenant"], row["scopes"], row["name"]) == (key_id, "lab", ["submit", "read"], "ci")
    assert row["revoked_at"] is None
    assert cloche("keys", "revoke", key_id, *where).returncode == 0
    [row] = json.loads(cloche("keys", "list", "--json", *where).stdout)
    assert row["revoked_at"] is not None
    assert cloche("keys", "revoke", "0" * 16, *where).returncode == 1
    assert cloche("keys", "create", "--scope", "everything", *where).returncode == 1


def test_other_machines_need_keys(stack_options) -> None:
    refused = cloche("up", "--detach", "--host", "0.0.0.0", "--data-dir", str(stack_options.data_dir))
    assert refused.returncode == 1
    assert "--require-keys" in refused.stderr
    assert not stack_options.data_dir.exists()


def test_migrate_can_be_repeated(living, tmp_path) -> None:
    assert cloche("migrate", "--data-dir", str(tmp_path)).returncode == 1
    done = cloche("migrate", "--data-dir", str(living.data_dir))
    assert (done.returncode, done.stdout.startswith("The schema is at revision")) == (0, True)
