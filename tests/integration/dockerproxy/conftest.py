"""A real Engine, a recorder in front of its socket, and the proxy as a process behind it."""

import contextlib
import os
import secrets
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloche.executor.engines.docker.proxy_client import ProxyClient

ROOT = Path(__file__).parents[3]


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
        """What reached the Engine, but for the janitor's own look around."""
        return [request for request in self.requests if not request.startswith(b"GET /v1.41/containers/json?all=1&")]

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
    recorder: Recorder
    process: subprocess.Popen[bytes]
    environ: dict[str, str]
    log: Path

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

    def restart(self) -> None:
        """Kill it and start another one of the same instance."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.environ, self.log)


def _start(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A proxy that is ready: it says so in its log."""
    begin = log.stat().st_size if log.exists() else 0
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloche.dockerproxy"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.PIPE,
        )
    ready = threading.Event()

    def follow() -> None:
        assert process.stderr is not None
        with process.stderr as lines, log.open("ab", buffering=0) as copy:
            for line in lines:
                copy.write(line)
                if b"proxy.ready" in line:
                    ready.set()
        ready.set()

    threading.Thread(target=follow, daemon=True).start()
    assert ready.wait(20), "the proxy did not start"
    assert process.poll() is None, log.read_bytes()[begin:].decode()
    return process


@pytest.fixture(scope="session")
def engine_socket() -> Iterator[str]:
    """A Docker Engine with the runtime images; never skipped, so that nothing is left out unseen."""
    given = os.environ.get("CLOCHE_TEST_DOCKER_SOCKET")
    with contextlib.ExitStack() as stack:
        if given is None:
            holder = subprocess.Popen(
                [sys.executable, ROOT / "scripts/test_dockerd.py", "hold", ROOT / ".cache/test-engine"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(holder)
            assert holder.stdout is not None
            given = holder.stdout.readline().strip()
            assert given, "no Docker Engine for the tests; scripts/test_dockerd.py says why"
        build = [sys.executable, ROOT / "scripts/build_images.py", "bash", "python"]
        subprocess.run(build, env={**os.environ, "DOCKER_HOST": f"unix://{given}"}, check=True)
        yield given


@pytest.fixture(scope="session")
def start_proxy(engine_socket: str) -> Iterator[Callable[..., RunningProxy]]:
    """Call it with settings for a proxy of its own; all end with the session, and their containers too."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloche-dp-", dir="/tmp")))

        def make(**settings: str) -> RunningProxy:
            instance = f"test-{secrets.token_hex(4)}"
            here = folder / instance
            here.mkdir()
            recorder = Recorder(here / "engine.sock", engine_socket)
            stack.callback(recorder.close)
            environ = {k: v for k, v in os.environ.items() if not k.startswith("CLOCHE_")}
            environ |= {
                "CLOCHE_DOCKERPROXY_LISTEN": f"unix:{here / 'proxy.sock'}",
                "CLOCHE_DOCKERPROXY_DOCKER_SOCKET": str(here / "engine.sock"),
                "CLOCHE_DOCKERPROXY_INSTANCE": instance,
            }
            environ |= {f"CLOCHE_DOCKERPROXY_{name.upper()}": value for name, value in settings.items()}
            process = _start(environ, here / "log")
            proxy = RunningProxy(instance, here / "proxy.sock", recorder, process, environ, here / "log")
            stack.callback(_end, proxy, engine_socket)
            return proxy

        yield make


def _end(proxy: RunningProxy, engine_socket: str) -> None:
    proxy.process.terminate()
    assert proxy.process.wait(10) == 0
    environ = {**os.environ, "DOCKER_HOST": f"unix://{engine_socket}"}
    query = ["docker", "ps", "--all", "--quiet", "--filter", f"label=cloche.proxy={proxy.instance}"]
    left = subprocess.run(query, env=environ, check=True, capture_output=True, text=True).stdout.split()
    if left:
        subprocess.run(["docker", "rm", "--force", *left], env=environ, check=True, capture_output=True)


@pytest.fixture(scope="session")
def proxy(start_proxy: Callable[..., RunningProxy]) -> RunningProxy:
    """A proxy with its default settings."""
    return start_proxy()
