"""What a process in a container of ours can do, were it to take the launcher's place.

The container is made with the body that the proxy sends, but for its entry point: a probe instead of the launcher,
which has filters of its own.
"""

import asyncio
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cloche.dockerproxy import policy
from cloche.dockerproxy.policy import Cell, CreateOrder
from cloche.kit.http_exchange import Exchange

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the probe knows the numbers of x86_64"),
]

PROBE = (Path(__file__).parent / "probe.py").read_text(encoding="utf-8")
EPERM, ENOSYS = 1, 38
#: What answers EPERM under the profile, and otherwise on a kernel that is asked without it.
TOLD_APART = {
    "ptrace",
    "kcmp",
    "process_vm_readv",
    "shmget",
    "semget",
    "msgget",
    "mq_open",
    "io_setup",
    "inotify_init",
    "name_to_handle_at",
    "socket netlink",
    "socket alg",
    "unshare user",
    "clone user",
    "personality 8",
    "sync",
    "pidfd_open",
}


def body(image: str) -> dict[str, Any]:
    order = CreateOrder("python", "hardening", 64 << 20, 1000, 16, 1 << 20, 64)
    made = policy.create_body(Cell(order, image, 57_000, "hardening-test", "runc"))
    return made | {"Entrypoint": ["/usr/bin/python3", "-I", "-c", PROBE]}


async def probed(docker_socket: str, made: dict[str, Any]) -> dict[str, Any]:
    request = policy.create(f"hardening-test-{os.getpid()}", made)
    address = f"unix:{docker_socket}"
    async with await Exchange.open(address, request.method, request.target, body=request.body) as exchange:
        assert await exchange.head() == 201
        container = json.loads(await exchange.body(limit=1 << 16))["Id"]
    return json.loads(await asyncio.to_thread(said_by, docker_socket, container))


def said_by(docker_socket: str, container: str) -> str:
    environ = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    try:
        start = ["docker", "start", "--attach", container]
        return subprocess.run(start, env=environ, check=True, capture_output=True, text=True, timeout=60).stdout
    finally:
        subprocess.run(["docker", "rm", "--force", container], env=environ, check=True, capture_output=True)


async def test_a_container_can_do_what_the_launcher_needs_and_little_else(docker_socket: str) -> None:
    seen = await probed(docker_socket, body("cloche/python"))
    assert {name: seen["calls"][name] for name in TOLD_APART} == dict.fromkeys(TOLD_APART, EPERM)
    for absent in ("clone3", "io_uring_setup", "a call newer than any"):
        assert seen["calls"][absent] == ENOSYS
    for needed in ("socket unix", "socket inet", "socket inet6", "socketpair unix", "memfd_create", "landlock"):
        assert seen["calls"][needed] == 0
    status = seen["status"]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"57000"}
    assert (status["Groups"].split() or ["57000"]) == ["57000"]
    assert seen["limits"] == {"core": 1, "fsize": (64 << 20) + 4096, "memlock": 65536, "nofile": 4096, "msgqueue": 0}
    assert seen["written"] == ["/dev/shm", "/tmp", "/work"]
    assert seen["read"] == []
    assert seen["interfaces"] == ["lo"]


async def test_without_the_profile_the_probe_sees_the_difference(docker_socket: str) -> None:
    """Else the test above would prove nothing."""
    made = body("cloche/python")
    made["HostConfig"]["SecurityOpt"] = ["seccomp=unconfined"]
    seen = await probed(docker_socket, made)
    assert {name for name in TOLD_APART if seen["calls"][name] == EPERM} == set()
    assert seen["status"]["NoNewPrivs"] == "0"
