"""Raw bytes at the proxy's socket: each is refused, and the Engine never hears of it."""

import asyncio
import contextlib
import json
import os
import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attack import DEFENCES, ORDER, PROXIES, TOKEN, Attack, line
from attacks_on_orders import ON_ORDERS
from attacks_on_requests import ON_REQUESTS

from cloche.dockerproxy.request import BODY_S
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient

NAME = f"foreign-{os.getpid()}"
#: An Engine that does not switch is not to be had here; see mutation_suite.py.
ATTACKS = [attack for attack in (*ON_ORDERS, *ON_REQUESTS) if attack.defence != "engines-101"]
PATIENCE_S = BODY_S + 5


@pytest.fixture(scope="module")
def victim(start_proxy: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A proxy by its name in ``PROXIES``, with one container of its own."""
    made: dict[str, tuple[Any, str]] = {}

    def one(name: str) -> tuple[Any, str]:
        if name not in made:
            settings = {key.upper(): json.dumps(value) for key, value in PROXIES[name].items() if key != "token"}
            if "token" in PROXIES[name]:
                secrets = tmp_path_factory.mktemp("secrets") / "secrets.json"
                secrets.write_text(json.dumps({"token": TOKEN}))
                settings["SECRETS_FILE"] = str(secrets)
            proxy = start_proxy(**settings)
            own = "0" * 64
            if "allowed_uids" not in PROXIES[name]:
                client = ProxyClient(proxy.address, PROXIES[name].get("token"))
                own = asyncio.run(client.create(ContainerOrder(**ORDER)))
            made[name] = (proxy, own)
        return made[name]

    return one


@pytest.fixture(scope="module")
def foreign(docker_socket: str) -> Iterator[str]:
    environ = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    make = ["docker", "create", "--network", "none", "--name", NAME, "cloche/bash"]
    container = subprocess.run(make, env=environ, check=True, capture_output=True, text=True).stdout.strip()
    yield container
    subprocess.run(["docker", "rm", "--force", container], env=environ, check=True, capture_output=True)


def play(path: str, sent: bytes, late: bytes) -> bytes:
    """What the proxy answers until it closes; ``late`` follows when it says nothing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        got = bytearray()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
            if late and not select.select([connection], [], [], PATIENCE_S)[0]:
                connection.sendall(late)
            while data := connection.recv(65536):
                got += data
        return bytes(got)


@pytest.mark.docker
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused_and_never_reaches_the_engine(
    victim: Callable[[str], Any], foreign: str, attack: Attack
) -> None:
    proxy, own = victim(attack.proxy)
    before = len(proxy.recorder.made_by_callers())
    sent = attack.bytes_for(own=own, foreign=foreign, name=NAME)
    answer = play(str(proxy.path), sent, attack.late)
    assert answer.startswith(f"HTTP/1.1 {attack.status} Refused\r\n".encode()), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert (b"Retry-After: " in head) == (attack.status == 429)
    assert set(json.loads(body)) == {"type", "title", "status", "code", "detail", "retryable"}
    assert len(proxy.recorder.made_by_callers()) == before


@pytest.mark.docker
def test_a_container_of_others_is_answered_as_one_that_does_not_exist(
    victim: Callable[[str], Any], foreign: str
) -> None:
    proxy, _ = victim("plain")
    answers = {proxy.raw(line(f"GET /containers/{container}").encode()) for container in (foreign, "0" * 64)}
    assert len(answers) == 1


@pytest.mark.docker
def test_after_all_attacks_the_container_is_as_it_was(victim: Callable[[str], Any]) -> None:
    proxy, own = victim("plain")
    assert asyncio.run(proxy.client.inspect(own)).status == "created"
    assert set(asyncio.run(proxy.client.labels())) == {own}


def test_every_defence_is_named_by_an_attack_and_no_two_attacks_by_one_name() -> None:
    attacks = [*ON_ORDERS, *ON_REQUESTS]
    assert len({attack.name for attack in attacks}) == len(attacks) >= 150
    assert {attack.defence for attack in attacks} | {"second-opinion"} == set(DEFENCES)
