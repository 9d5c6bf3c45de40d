"""What the executor needs, by a client that knows nothing of Cloche: the standard library's HTTP and a socket.

The Engine's official clients write its own paths and bodies, which the proxy refuses by design.
"""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from attack import ORDER, UPGRADE, line

pytestmark = pytest.mark.docker


class Plain(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


def ask(proxy: Any, method: str, target: str, body: object = None) -> tuple[int, Any]:
    with contextlib.closing(Plain(str(proxy.path))) as connection:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw else None


@contextlib.contextmanager
def attached(proxy: Any, container: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(30)
        stream.connect(str(proxy.path))
        stream.sendall(line(f"POST /containers/{container}/attach", UPGRADE).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        yield stream


def frames(stream: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The Engine's framing. Source: moby, api/types/container, attach: eight bytes, the last four big-endian."""
    with stream.makefile("rb") as file:
        while header := file.read(8):
            yield header[0], file.read(int.from_bytes(header[4:], "big"))


def test_a_container_is_made_run_watched_and_removed(proxy: Any) -> None:
    status, made = ask(proxy, "POST", "/containers", ORDER)
    assert status == 201
    container = made["id"]
    with attached(proxy, container) as stream, contextlib.closing(Plain(str(proxy.path))) as connection:
        connection.request("POST", f"/containers/{container}/wait")
        # Its head says that the Engine waits: from here on no exit is missed.
        waiting = connection.getresponse()
        assert waiting.status == 200
        assert ask(proxy, "POST", f"/containers/{container}/start") == (204, None)
        told = frames(stream)
        channel, ready = next(told)
        assert (channel, ready[:1]) == (1, b"R")
        assert ask(proxy, "GET", f"/containers/{container}")[1]["status"] == "running"
        stream.shutdown(socket.SHUT_WR)
        assert list(told) == []
        assert json.loads(waiting.read()) == {"status_code": 0}
    assert ask(proxy, "GET", f"/containers/{container}")[1] == {
        "status": "exited",
        "exit_code": 0,
        "oom_killed": False,
    }
    assert ask(proxy, "DELETE", f"/containers/{container}") == (204, None)
    assert ask(proxy, "DELETE", f"/containers/{container}")[0] == 404
