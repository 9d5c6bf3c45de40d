"""An Engine that says what a test tells it to, and a proxy process before it."""

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

from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient

ORDER = ContainerOrder("bash", "strange", 32 << 20, 1000, 8, 1 << 20, 64)
ID = "ab" * 32


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


@contextlib.contextmanager
def strange_engine() -> Iterator[tuple[StrangeEngine, Path]]:
    """It, and the folder where its socket is ``engine``."""
    with (
        tempfile.TemporaryDirectory(prefix="cloche-se-", dir="/tmp") as name,
        StrangeEngine(Path(name, "engine")) as one,
    ):
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield one, Path(name)
        finally:
            one.shutdown()
            thread.join()


@contextlib.contextmanager
def proxy_before_it(
    spawn: Callable[..., subprocess.Popen[bytes]], **settings: str
) -> Iterator[tuple[StrangeEngine, ProxyClient]]:
    """A proxy with ``settings`` and one container, ``ID``."""
    with strange_engine() as (engine, folder):
        own = {"DOCKER_SOCKET": str(folder / "engine"), "INSTANCE": f"strange-{secrets.token_hex(4)}", **settings}
        process = spawn(folder / "proxy", folder / "log", own)
        try:
            client = ProxyClient(f"unix:{folder / 'proxy'}", None)
            # In a loop of its own: fixtures are not asynchronous.
            assert asyncio.run(client.create(ORDER)) == ID
            yield engine, client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
