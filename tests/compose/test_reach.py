"""Who reaches whom, tried from inside every container: DESIGN.md section 1's arrows and no others."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .engine import MACHINE, OUTSIDE
from .system import System

#: Where each server listens: the name of its network, and the port. The workers' health is on loopback.
FACES = {
    "front": {("front-face", 8400)},
    "api": {("api-face", 8400)},
    "queue": {("queue-people", 8402), ("queue-internal", 8403)},
    "executor": {("executor-face", 8405)},
    "dockerproxy": {("dockerproxy-face", 8406)},
    "postgres": {("postgres-face", 5432)},
    "redis": {("redis-face", 6379)},
    "storage": set(),
    "worker": set(),
}
ARROWS = {
    ("front", "api-face", 8400),
    ("front", "queue-people", 8402),
    ("api", "postgres-face", 5432),
    ("api", "redis-face", 6379),
    ("api", "queue-internal", 8403),
    ("queue", "postgres-face", 5432),
    ("queue", "redis-face", 6379),
    ("worker", "queue-internal", 8403),
    ("worker", "redis-face", 6379),
    ("worker", "executor-face", 8405),
    ("storage", "redis-face", 6379),
    ("storage", "postgres-face", 5432),
    ("storage", "queue-internal", 8403),
    ("executor", "dockerproxy-face", 8406),
}
PARTS = sorted(FACES)
PORTS = sorted({port for faces in FACES.values() for _, port in faces} | {8404})
ANYWHERE = 8499

TRY = ("perl", "-e", (Path(__file__).parent / "inside/try_connect.pl").read_text())


@pytest.fixture(scope="module")
def outside_listener(outside: ThreadPoolExecutor) -> Iterator[None]:
    """A server of the outside world."""
    with outside.submit(socket.create_server, (OUTSIDE, ANYWHERE)).result():
        yield


@pytest.fixture(scope="module")
def name_server(outside: ThreadPoolExecutor) -> Iterator[socket.socket]:
    """The name server of the outside world, which gives no answers; nothing waits in it."""
    with outside.submit(socket.socket, socket.AF_INET, socket.SOCK_DGRAM).result() as server:
        server.bind((OUTSIDE, 53))
        server.settimeout(5)
        yield server


@pytest.fixture(scope="module")
def machine_listener(machine: ThreadPoolExecutor) -> Iterator[None]:
    """A server of the Engine's machine, on all its addresses."""
    with machine.submit(socket.create_server, ("0.0.0.0", ANYWHERE)).result():
        yield


def reached(system: System, part: str, places: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of ``places`` that ``part`` can connect to, tried in its container by its user."""
    tried = [f"{address} {port}" for address, port in sorted(places)]
    lines = system.inside(part, *TRY, *tried).splitlines()
    return {(line.split()[0], int(line.split()[1])) for line in lines}


def in_an_ordinary_container(system: System, *command: str) -> str:
    """What ``command`` prints in a container on a network that nobody restricted."""
    docker = system.engine.docker
    docker("network", "rm", "ordinary", check=False)  # of a test that was cut short
    docker("network", "create", "ordinary")
    try:
        return docker("run", "--rm", "--network", "ordinary", "cloche-service", *command, check=False)
    finally:
        docker("network", "rm", "ordinary")


@pytest.mark.parametrize("part", PARTS)
def test_a_server_listens_at_the_name_of_its_network_alone(system: System, part: str) -> None:
    container = system.containers[part]
    assert container.listeners() == {(container.addresses[network], port) for network, port in FACES[part]}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_reaches_what_it_calls_and_nothing_else(system: System, part: str) -> None:
    """Every port of every address of every other container is tried, known or not."""
    names = {
        address: network
        for other in system.containers.values()
        if other.part != part
        for network, address in other.addresses.items()
    }
    owners = {address: other.part for other in system.containers.values() for address in other.addresses.values()}
    found = reached(system, part, {(address, port) for address in names for port in PORTS})
    assert {(part, names[address], port) for address, port in found} == {a for a in ARROWS if a[0] == part}
    assert all((names[address], port) in FACES[owners[address]] for address, port in found)


@pytest.mark.parametrize("part", PARTS)
def test_no_part_reaches_the_world_outside(system: System, outside_listener, part: str) -> None:
    assert reached(system, part, {(OUTSIDE, ANYWHERE)}) == set()


@pytest.mark.parametrize("part", [part for part in PARTS if part != "front"])
def test_no_part_behind_the_front_reaches_the_machine(system: System, machine_listener, part: str) -> None:
    networks = system.containers[part].facts["NetworkSettings"]["Networks"].values()
    gateways = {network["Gateway"] for network in networks} - {""}
    beside = {address.rpartition(".")[0] + ".1" for address in system.containers[part].addresses.values()}
    assert reached(system, part, {(address, ANYWHERE) for address in gateways | beside | {MACHINE}}) == set()


def test_an_ordinary_container_reaches_both(system: System, outside_listener, machine_listener) -> None:
    """So that the refusals above are the compose file's doing."""
    both = [f"{OUTSIDE} {ANYWHERE}", f"{MACHINE} {ANYWHERE}"]
    assert sorted(in_an_ordinary_container(system, *TRY, *both).splitlines()) == sorted(both)


def test_no_part_behind_the_front_asks_the_world_for_a_name(system: System, name_server: socket.socket) -> None:
    """A name is a way out for a secret. That of an ordinary container arrives, so theirs would have before it."""
    behind = [part for part in PARTS if part != "front"]
    with ThreadPoolExecutor(len(behind)) as threads:
        list(
            threads.map(
                lambda part: system.inside(part, "timeout", "3", "getent", "hosts", f"{part}.example", check=False),
                behind,
            )
        )
    in_an_ordinary_container(system, "timeout", "3", "getent", "hosts", "ordinary.example")
    assert b"ordinary" in name_server.recv(512)


def test_the_docker_socket_is_in_one_container(system: System) -> None:
    look = [
        "bash",
        "-c",
        "find / -xdev -type s 2>/dev/null; ls -d /var/run/docker.sock /run/docker.sock 2>/dev/null; true",
    ]
    holders = {part for part in PARTS if "docker.sock" in system.inside(part, *look)}
    mounted = {part for part, found in system.containers.items() if "docker.sock" in str(found.facts["Mounts"])}
    assert holders == mounted == {"dockerproxy"}


def test_the_front_alone_publishes_a_port(system: System) -> None:
    published = {part: found.facts["HostConfig"]["PortBindings"] for part, found in system.containers.items()}
    assert {part for part, ports in published.items() if ports} == {"front"}
    assert list(published["front"]) == ["8400/tcp"]
