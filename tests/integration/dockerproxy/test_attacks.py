"""Raw bytes at the proxy's socket: each is refused, and the Engine never hears of it.

``OWN`` stands for the id of a container of this proxy, ``FOREIGN`` for one that the Engine has
but this proxy did not make, ``SHORT`` for the first twelve digits of ``OWN``,
``NAME`` for ``FOREIGN``'s name.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from cloche.executor.engines.docker.proxy_client import ContainerOrder

ORDER: dict[str, Any] = {
    "image": "bash",
    "label": "attack",
    "memory_bytes": 33554432,
    "cpus_milli": 1000,
    "processes": 8,
    "disk_bytes": 1048576,
    "inodes": 64,
}
NAME = f"foreign-{os.getpid()}"
JSON = "Content-Type: application/json\r\n"


def line(request_line: str, headers: str = "", body: str = "") -> str:
    return f"{request_line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}"


def create(body: str, headers: str = JSON) -> str:
    return line("POST /containers", f"{headers}Content-Length: {len(body.encode())}\r\n", body)


def order_with(extra: str) -> str:
    return json.dumps(ORDER)[:-1] + f",{extra}}}"


ATTACKS = {
    # other endpoints
    "exec": (404, line("POST /containers/OWN/exec")),
    "exec start": (404, line("POST /exec/OWN/start")),
    "read an archive": (404, line("GET /containers/OWN/archive")),
    "export": (404, line("GET /containers/OWN/export")),
    "commit": (404, line("POST /commit")),
    "build": (404, line("POST /build")),
    "pull": (404, line("POST /images/create")),
    "remove an image": (404, line("DELETE /images/bash")),
    "images of the Engine": (404, line("GET /images/json")),
    "list of the Engine": (404, line("GET /containers/json")),
    "create of the Engine": (404, line("POST /containers/create", JSON)),
    "update": (404, line("POST /containers/OWN/update")),
    "rename": (404, line("POST /containers/OWN/rename")),
    "checkpoints": (404, line("POST /containers/OWN/checkpoints")),
    "attach by websocket": (404, line("GET /containers/OWN/attach/ws")),
    "events": (404, line("GET /events")),
    "info": (404, line("GET /info")),
    "volumes": (404, line("POST /volumes/create")),
    "networks": (404, line("POST /networks/create")),
    "plugins": (404, line("POST /plugins/pull")),
    "swarm": (404, line("POST /swarm/init")),
    "pprof": (404, line("GET /debug/pprof/")),
    "session": (404, line("POST /session", "Connection: Upgrade\r\nUpgrade: h2c\r\n")),
    "grpc": (404, line("POST /grpc", "Connection: Upgrade\r\nUpgrade: h2c\r\n")),
    # ids
    "a container of others": (404, line("DELETE /containers/FOREIGN")),
    "attach to others": (404, line("POST /containers/FOREIGN/attach", "Connection: Upgrade\r\nUpgrade: tcp\r\n")),
    "a short id": (404, line("DELETE /containers/SHORT")),
    "an upper-case id": (404, line("DELETE /containers/UPPER")),
    "a name": (404, line("DELETE /containers/NAME")),
    "an id with more": (404, line("POST /containers/OWN/startANYTHING")),
    # paths
    "a version prefix": (404, line("POST /v1.41/containers/OWN/start")),
    "an encoded slash": (400, line("GET /containers%2fjson")),
    "an encoded letter": (400, line("POST /containers/OWN/%73tart")),
    "dot segments": (404, line("POST /containers/OWN/../../build")),
    "a double slash": (404, line("POST //containers/OWN/start")),
    "a trailing slash": (404, line("POST /containers/OWN/start/")),
    "a query": (400, line("POST /containers/OWN/kill?signal=SIGWINCH")),
    "a checkpoint": (400, line("POST /containers/OWN/start?checkpoint=x&checkpoint-dir=/")),
    "absolute form": (400, line("GET http://x/containers")),
    "authority form": (400, line("CONNECT x:1")),
    "asterisk form": (400, line("OPTIONS *")),
    # framing
    "a length and chunks": (
        400,
        line("POST /containers", f"{JSON}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET /info"),
    ),
    "chunks": (400, line("POST /containers", f"{JSON}Transfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    "folded chunks": (400, line("POST /containers", f"{JSON}Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
    "two lengths": (400, line("POST /containers", f"{JSON}Content-Length: 2\r\nContent-Length: 3\r\n", "{}x")),
    "a signed length": (400, line("POST /containers", f"{JSON}Content-Length: +2\r\n", "{}")),
    "a pipelined request": (400, line("GET /containers") + line("GET /containers")),
    "early bytes on attach": (
        400,
        line("POST /containers/OWN/attach", "Connection: Upgrade\r\nUpgrade: tcp\r\n", "EARLY\n"),
    ),
    "bare line feeds": (400, "GET /containers HTTP/1.1\nHost: x\n\n"),
    "no Host": (400, "GET /containers HTTP/1.1\r\n\r\n"),
    "an expectation": (400, create("{}", f"{JSON}Expect: 100-continue\r\n")),
    "HTTP/2 with prior knowledge": (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "an upgrade to HTTP/2": (400, line("GET /containers", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n")),
    "an upgrade where none belongs": (400, line("GET /containers/OWN", "Connection: Upgrade\r\nUpgrade: tcp\r\n")),
    "attach without an upgrade": (400, line("POST /containers/OWN/attach")),
    "attach by another protocol": (400, line("POST /containers/OWN/attach", "Connection: Upgrade\r\nUpgrade: h2c\r\n")),
    "a head too long": (413, line("GET /containers", f"A: {'a' * 9000}\r\n")),
    "a body too long": (413, create(" " * 5000)),
    # bodies
    "a form on kill": (
        400,
        line(
            "POST /containers/OWN/kill",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n",
            "signal=SIGTERM",
        ),
    ),
    "a body on start": (400, line("POST /containers/OWN/start", "Content-Length: 2\r\n", "{}")),
    "a body of another type": (400, create(json.dumps(ORDER), "Content-Type: text/plain\r\n")),
    "a charset": (400, create(json.dumps(ORDER), "Content-Type: application/json; charset=utf-16\r\n")),
    "an order of the Engine": (422, create('{"Image":"cloche.bash","HostConfig":{"Privileged":true}}')),
    "an extra key": (422, create(order_with('"Privileged":true'))),
    "an extra object": (422, create(order_with('"HostConfig":{"Privileged":true}'))),
    "an extra object twice": (400, create(order_with('"HostConfig":{"Privileged":true},"HostConfig":{}'))),
    "a key twice": (400, create(order_with('"memory_bytes":33554433'))),
    "a null": (422, create(json.dumps(ORDER | {"image": None}))),
    "a key folded by Go": (400, create(order_with('"Bind\u017f":"x"'))),
    "an escaped key": (400, create(order_with('"\\u0050rivileged":true'))),
    "a mount": (400, create(order_with('"Binds":["/:/host"]'))),
    "another image": (422, create(json.dumps(ORDER | {"image": "debian"}))),
    "an image by tag": (422, create(json.dumps(ORDER | {"image": "cloche.bash:latest"}))),
    "options in a number": (422, create(json.dumps(ORDER | {"disk_bytes": "1m,exec,suid,dev"}))),
    "options in the label": (400, create(json.dumps(ORDER | {"label": "a,b=c"}))),
    "no limit of processes": (422, create(json.dumps(ORDER | {"processes": -1}))),
    "no limit of memory": (422, create(json.dumps(ORDER | {"memory_bytes": 0}))),
    "more memory than allowed": (422, create(json.dumps(ORDER | {"memory_bytes": 1 << 40}))),
    "a number as a float": (400, create(json.dumps(ORDER).replace("33554432", "3.3e7"))),
    "text after the order": (400, create(json.dumps(ORDER) + "}}}garbage")),
    "an order in UTF-16": (400, create(json.dumps(ORDER)).replace("{", "\x00{")),
}


@pytest.fixture(scope="module")
def own(proxy: Any) -> str:
    return asyncio.run(proxy.client.create(ContainerOrder(**ORDER)))


@pytest.fixture(scope="module")
def foreign(docker_socket: str) -> Iterator[str]:
    environ = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    make = ["docker", "create", "--network", "none", "--name", NAME, "cloche/bash"]
    container = subprocess.run(make, env=environ, check=True, capture_output=True, text=True).stdout.strip()
    yield container
    subprocess.run(["docker", "rm", "--force", container], env=environ, check=True, capture_output=True)


@pytest.mark.docker
@pytest.mark.parametrize("name", list(ATTACKS))
def test_attack_is_refused_and_never_reaches_the_engine(proxy: Any, own: str, foreign: str, name: str) -> None:
    status, text = ATTACKS[name]
    for word, meaning in (
        ("OWN", own),
        ("FOREIGN", foreign),
        ("SHORT", own[:12]),
        ("UPPER", own.upper()),
        ("NAME", NAME),
    ):
        text = text.replace(word, meaning)
    before = len(proxy.recorder.made_by_callers())
    answer = proxy.raw(text.encode())
    assert answer.startswith(f"HTTP/1.1 {status} Refused\r\n".encode()), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert set(json.loads(body)) == {"type", "title", "status", "code", "detail", "retryable"}
    assert len(proxy.recorder.made_by_callers()) == before


@pytest.mark.docker
def test_a_container_of_others_is_answered_as_one_that_does_not_exist(proxy: Any, foreign: str) -> None:
    answers = {proxy.raw(line(f"GET /containers/{container}").encode()) for container in (foreign, "0" * 64)}
    assert len(answers) == 1


@pytest.mark.docker
def test_a_slow_request_is_cut(proxy: Any) -> None:
    before = len(proxy.recorder.made_by_callers())
    assert proxy.raw(b"GET /containers HTTP/1.1\r\n").startswith(b"HTTP/1.1 400 ")
    assert len(proxy.recorder.made_by_callers()) == before


@pytest.mark.docker
def test_after_all_attacks_the_container_is_as_it_was(proxy: Any, own: str) -> None:
    assert asyncio.run(proxy.client.inspect(own)).status == "created"
