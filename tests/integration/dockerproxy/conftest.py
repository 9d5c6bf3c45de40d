"""A recorder in front of the Engine's socket, and the proxy as a process behind it."""

import contextlib
import os
import re
import secrets
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cloche.executor.engines.docker.proxy_client import ProxyClient

#: The janitor's look at the containers, and that for images that came later.
_OWN_LOOK = re.compile(rb"GET /v[0-9.]+/(containers/json\?all=1&|images/json\?filters=)")


class Recorder:
    """Passes connections through to the Engine and keeps the bytes of each request's first read."""

    def __init__(self, path: Path, engine: str) -> None:
        self.requests: list[bytes] = []
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.socket(socket.AF_UNIX) as upstream:
                    upstream.connect(engine)
                    back = threading.Thread(target=pump, args=(upstream, self.request, None))
                    back.start()
                    pump(self.request, upstream, recorder.requests.append)
                    back.join()

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def made_by_callers(self) -> list[bytes]:
        """What reached the Engine, but for what the proxy itself looks at from time to time."""
        return [request for request in self.requests if not _OWN_LOOK.match(request)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def pump(source: socket.socket, sink: socket.socket, first: Callable[[bytes], None] | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if first is not None:
                first(data)
                first = None
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@dataclass
class RunningProxy:
    """A proxy of its own instance name; ``recorder`` sees all that it says to the Engine."""

    instance: str
    path: Path
    log: Path
    settings: dict[str, str]
    recorder: Recorder
    spawn: "Spawn"
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    @property
    def client(self) -> ProxyClient:
        return ProxyClient(self.address, None)

    def raw(self, sent: bytes) -> bytes:
        """All that the proxy answers to these bytes until it closes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.path))
            got = bytearray()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(sent)
            with contextlib.suppress(ConnectionResetError):
                while data := connection.recv(65536):
                    got += data
            return bytes(got)

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process = self.spawn(self.path, self.log, self.settings)
        assert self.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), self.log.read_text()

    def restart(self) -> None:
        """Kill it and start another one of the same instance."""
        self.process.kill()
        self.process.wait()
        self.start()


Spawn = Callable[[Path, Path, dict[str, str]], subprocess.Popen[bytes]]


@pytest.fixture(scope="session")
def start_proxy(docker_socket: str, spawn_docker_proxy: Spawn) -> Iterator[Callable[..., RunningProxy]]:
    """Call it with settings for a proxy of its own; all end with the session, and their containers too."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloche-dp-", dir="/tmp")))

        def make(**settings: str) -> RunningProxy:
            instance = f"test-{secrets.token_hex(4)}"
            here = folder / instance
            here.mkdir()
            recorder = Recorder(here / "engine.sock", docker_socket)
            stack.callback(recorder.close)
            settings = {"DOCKER_SOCKET": str(here / "engine.sock"), "INSTANCE": instance, **settings}
            proxy = RunningProxy(instance, here / "proxy.sock", here / "log", settings, recorder, spawn_docker_proxy)
            proxy.start()
            stack.callback(_end, proxy, docker_socket)
            return proxy

        yield make


def _end(proxy: RunningProxy, docker_socket: str) -> None:
    proxy.process.terminate()
    assert proxy.process.wait(10) == 0
    environ = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    query = ["docker", "ps", "--all", "--quiet", "--filter", f"label=cloche.proxy={proxy.instance}"]
    left = subprocess.run(query, env=environ, check=True, capture_output=True, text=True).stdout.split()
    if left:
        subprocess.run(["docker", "rm", "--force", *left], env=environ, check=True, capture_output=True)


@pytest.fixture(scope="session")
def proxy(start_proxy: Callable[..., RunningProxy]) -> RunningProxy:
    """A proxy with its default settings."""
    return start_proxy()
