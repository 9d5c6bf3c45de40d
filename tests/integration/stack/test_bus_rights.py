"""Each Valkey user runs its service's commands and no others, on every server program that is here."""

import asyncio
import contextlib
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.retry import Retry

from cloche.kit.bus import Bus, Group, NewEvent
from cloche.stack import valkey_server
from cloche.stack.binaries import ValkeyBinary, valkey_candidates
from cloche.stack.private_files import make_folder
from cloche.stack.valkey_server import RIGHTS, ValkeyServer

PROGRAMS = list(valkey_candidates())
EVERY_SERVICE = ["api", "queue", "worker", "storage"]
REFUSED_TO_ALL = [
    ("FLUSHALL",),
    ("CONFIG", "GET", "*"),
    ("KEYS", "*"),
    ("EVAL", "return 1", "0"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
    ("CLIENT", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("GET", "other"),
    ("SET", "cloche:{s0}:ledger", "x"),
    ("XADD", "other", "*", "a", "b"),
    ("PUBLISH", "other", "x"),
    ("REPLICAOF", "NO", "ONE"),
    ("MODULE", "LIST"),
]
STORAGE_ONLY = [
    ("DEL", "cloche:x"),
    ("XTRIM", "cloche:x", "MINID", "0"),
    ("XACK", "cloche:x", "g", "1-1"),
    ("XGROUP", "CREATE", "cloche:x", "g", "0", "MKSTREAM"),
    ("XAUTOCLAIM", "cloche:x", "g", "c", "0", "0"),
    ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "cloche:x", ">"),
    ("TIME",),
]


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: f"{program.source}-{program.version}")
def server(request, server_folder: Path) -> Iterator[ValkeyServer]:
    """A server run by one of the programs."""
    program: ValkeyBinary = request.param
    name = secrets.token_hex(3)
    running = ValkeyServer(
        binary=program,
        home=make_folder(server_folder / f"r{name}"),
        socket_dir=make_folder(server_folder / f"s{name}"),
        passwords={user: secrets.token_urlsafe(16) for user in RIGHTS},
    )
    running.prepare()
    with (server_folder / f"{name}.log").open("wb") as log:
        process: subprocess.Popen[bytes] = running.command().start(log)
    asyncio.run(valkey_server.wait_until_ready(running.url("owner"), lambda: process.poll() is None))
    yield running
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_the_wheel_and_the_system_are_both_tried() -> None:
    assert {program.source for program in PROGRAMS} == {"wheel", "system"}


@pytest.mark.parametrize("user", EVERY_SERVICE)
@pytest.mark.parametrize("command", REFUSED_TO_ALL, ids=lambda command: " ".join(command[:2]))
def test_a_service_is_refused_other_commands_and_keys(server, user, command) -> None:
    with redis.Redis.from_url(server.url(user)) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)


@pytest.mark.parametrize("user", ["api", "queue", "worker"])
@pytest.mark.parametrize("command", STORAGE_ONLY, ids=lambda command: command[0])
def test_only_storage_trims_deletes_and_touches_groups(server, user, command) -> None:
    with redis.Redis.from_url(server.url(user)) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)


def test_storage_reads_by_group_acknowledges_and_trims(server) -> None:
    with redis.Redis.from_url(server.url("storage")) as client:
        client.xgroup_create("cloche:st", "g", "0", mkstream=True)
        client.xadd("cloche:st", {"a": "b"})
        answer: Any = client.xreadgroup("g", "c", {"cloche:st": ">"})
        [[_, [(entry, _)]]] = answer
        assert client.xack("cloche:st", "g", entry) == 1
        client.xautoclaim("cloche:st", "g", "c", 0, "0")
        client.xtrim("cloche:st", minid=entry)
        assert client.delete("cloche:st") == 1
        assert client.set("cloche:{s0}:owner", "me", nx=True, px=1000)


@pytest.mark.parametrize("user", EVERY_SERVICE)
async def test_every_service_publishes_and_the_api_reads(server, user) -> None:
    publisher, reader = Bus.connect(server.url(user)), Bus.connect(server.url("api"))
    epoch = await publisher.epoch()
    subject = secrets.token_hex(4)
    assert await publisher.publish(Group(subject, user, 1, [NewEvent(1, "t", b"body")], in_list=True)) == 1
    assert [event.body for event in await reader.read(subject, 0, 0)] == [b"body"]
    assert await reader.epoch() == epoch
    await publisher.close()
    await reader.close()


@pytest.mark.parametrize("user", EVERY_SERVICE)
async def test_only_the_storage_worker_may_seal(server, user) -> None:
    publisher = Bus.connect(server.url(user))
    try:
        group = Group(secrets.token_hex(4), user, 1, [NewEvent(1, "end", b"")], seal=True)
        with contextlib.nullcontext() if user == "storage" else pytest.raises(ResponseError):
            assert await publisher.publish(group) == 1
    finally:
        await publisher.close()


def test_storage_joins_and_leaves_the_others(server) -> None:
    with redis.Redis.from_url(server.url("storage")) as client:
        seconds, _ = client.time()
        assert seconds > 1
        assert client.zadd("cloche:storage:members", {"me": 1.0}) == 1
        assert client.zcard("cloche:storage:members") == 1
        assert client.zremrangebyscore("cloche:storage:members", "-inf", 0.5) == 0
        assert client.zrem("cloche:storage:members", "me") == 1


def test_nobody_enters_without_a_password(server) -> None:
    stranger = redis.Redis(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), 0))
    with stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_what_it_holds_survives_a_stop(server_folder: Path) -> None:
    name = secrets.token_hex(3)
    running = ValkeyServer(
        binary=PROGRAMS[0],
        home=make_folder(server_folder / f"r{name}"),
        socket_dir=make_folder(server_folder / f"s{name}"),
        passwords={user: secrets.token_urlsafe(16) for user in RIGHTS},
    )

    def run_once(act) -> None:
        running.prepare()
        with (server_folder / f"{name}.log").open("ab") as log:
            process = running.command().start(log)
        asyncio.run(valkey_server.wait_until_ready(running.url("owner"), lambda: process.poll() is None))
        with redis.Redis.from_url(running.url("owner")) as client:
            act(client)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    kept: list[object] = []
    run_once(lambda client: client.set("cloche:epoch", "kept"))
    run_once(lambda client: kept.append(client.get("cloche:epoch")))
    assert kept == [b"kept"]
