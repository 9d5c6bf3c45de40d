"""An Engine that answers otherwise than it should: nothing of what it says gets through."""

import asyncio
import contextlib
import json
import secrets
import signal
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient
from cloche.kit.errors import ClocheError, ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from cloche.kit.http_exchange import Exchange

ORDER = ContainerOrder("bash", "strange", 32 << 20, 1000, 8, 1 << 20, 64)
ID = "ab" * 32
SECRET = "/var/lib/docker/overlay2/secret-path"


def answer(status: str, body: Any, *headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class StrangeEngine(socketserver.ThreadingUnixStreamServer):
    """Good until the proxy has started and made its container; then ``says`` is all it ever says."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.says: bytes | None = None
        self.speaks: tuple[str, str] = ("1.12", "1.41")
        self.lines: list[bytes] = []
        engine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline()
                while self.rfile.readline() not in {b"\r\n", b""}:
                    pass
                engine.lines.append(line)
                self.wfile.write(engine.says if engine.says is not None else _proper(line, *engine.speaks))

        super().__init__(str(path), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The proxy hangs up on some of these answers."""


def _proper(line: bytes, least: str, most: str) -> bytes:
    if b"/version" in line:
        return answer("200 OK", {"ApiVersion": most, "MinAPIVersion": least})
    if b"/images/json" in line:
        return answer("200 OK", [{"RepoTags": ["cloche/bash:latest", "<none>:<none>"]}, {"RepoTags": None}])
    if b"/images/" in line:
        return answer("200 OK", {"Id": f"sha256:{ID}", "Config": {}})
    if b"/containers/create" in line:
        return answer("201 Created", {"Id": ID})
    return answer("200 OK", [])


@pytest.fixture
def strange(spawn_docker_proxy: Callable[..., subprocess.Popen[bytes]]) -> Iterator[tuple[StrangeEngine, ProxyClient]]:
    with tempfile.TemporaryDirectory(prefix="cloche-se-", dir="/tmp") as name:
        folder = Path(name)
        with StrangeEngine(folder / "engine") as engine:
            thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            settings = {"DOCKER_SOCKET": str(folder / "engine"), "INSTANCE": f"strange-{secrets.token_hex(4)}"}
            process = spawn_docker_proxy(folder / "proxy", folder / "log", settings)
            try:
                client = ProxyClient(f"unix:{folder / 'proxy'}", None)
                # In a loop of its own: the fixture is not asynchronous.
                assert asyncio.run(client.create(ORDER)) == ID
                yield engine, client
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(10)
                engine.shutdown()
                thread.join()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Internal Server Error", UnavailableError),
        ("400 Bad Request", InvalidRequestError),
        ("403 Forbidden", UnavailableError),
        ("404 Not Found", NotFoundError),
        ("409 Conflict", ConflictError),
        ("301 Moved Permanently", UnavailableError),
    ],
)
async def test_the_engines_own_words_never_reach_a_caller(
    strange: tuple[StrangeEngine, ProxyClient], status: str, error: type[ClocheError]
) -> None:
    engine, client = strange
    engine.says = answer(status, {"message": SECRET}, f"Location: {SECRET}", f"Server: {SECRET}")
    with pytest.raises(error) as raised:
        await client.start(ID)
    assert type(raised.value) is error
    assert "secret" not in raised.value.detail


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-x\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="cut short"),
        pytest.param(answer("200 OK", b"not json"), id="not JSON"),
        pytest.param(answer("200 OK", {"State": {}}), id="other JSON"),
        pytest.param(answer("200 OK", b" " * 9_000_000), id="far too much"),
        pytest.param(answer("200 OK", b""), id="an empty answer"),
        pytest.param(answer("200 OK", []), id="an empty list"),
        pytest.param(answer("200 OK", [{"Id": ID}]), id="a list of something else"),
        pytest.param(answer("200 OK", {"memory_stats": []}), id="lists for objects"),
        pytest.param(answer("200 OK", "text"), id="a text"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_a_failure_of_the_engine(
    strange: tuple[StrangeEngine, ProxyClient], says: bytes
) -> None:
    engine, client = strange
    engine.says = says
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.inspect(ID)
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.create(ORDER)


@pytest.mark.parametrize("listed", [{}, "x", [1], [{"Id": ID}], [{"Id": ID, "Labels": None, "State": 1, "Created": 1}]])
async def test_a_list_that_is_none_is_a_failure_of_the_engine(
    strange: tuple[StrangeEngine, ProxyClient], listed: Any
) -> None:
    engine, client = strange
    engine.says = answer("200 OK", listed)
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.labels()


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "500 Internal Server Error"])
async def test_without_the_engines_own_101_no_stream_is_opened(
    strange: tuple[StrangeEngine, ProxyClient], status: str
) -> None:
    engine, client = strange
    engine.says = f"HTTP/1.1 {status}\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n{SECRET}".encode()
    with pytest.raises(UnavailableError), contextlib.closing(await client.attach(ID)):
        pass


async def test_an_id_that_is_not_one_is_never_believed(strange: tuple[StrangeEngine, ProxyClient]) -> None:
    engine, client = strange
    for wrong in ("", "ab", ID.upper(), f"{ID}/../x", 7):
        engine.says = answer("201 Created", {"Id": wrong})
        with pytest.raises(UnavailableError):
            await client.create(ORDER)


async def test_an_engine_that_was_renewed_is_spoken_to_as_it_now_speaks(
    strange: tuple[StrangeEngine, ProxyClient],
) -> None:
    engine, client = strange
    assert all(line.split()[1].startswith((b"/version", b"/v1.41/")) for line in engine.lines)
    engine.speaks = ("1.44", "1.52")
    async with await Exchange.open(client.address, "GET", "/readyz") as asked:
        assert await asked.head() == 200
    engine.lines.clear()
    assert await client.create(ORDER) == ID
    assert [line.split()[1].partition(b"?")[0] for line in engine.lines] == [b"/v1.44/containers/create"]
