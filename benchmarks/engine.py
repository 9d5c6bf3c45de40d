"""A Docker Engine of the benchmarks' own, with Cloche's images, and a stack or a proxy in front of it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cloche.kit.listen import open_listener

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def held_engine(*images: str) -> Iterator[str]:
    """The socket of a running Engine that has ``images``; ``DOCKER_HOST`` names it meanwhile."""
    hold = [sys.executable, ROOT / "scripts/test_dockerd.py", "hold", ROOT / ".cache/test-engine"]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        socket = holder.stdout.readline().strip()
        if not socket:
            sys.exit("no Docker Engine to measure; scripts/test_dockerd.py says why above")
        # A stack started by root reaches the socket by its group, and its folder by everyone's right to pass.
        Path(socket).parent.chmod(0o711)
        os.environ["DOCKER_HOST"] = f"unix://{socket}"
        subprocess.run([sys.executable, ROOT / "scripts/build_images.py", *images], check=True)
        yield socket


@contextlib.contextmanager
def started_proxy(folder: Path, engine: str, **settings: str) -> Iterator[tuple[str, int]]:
    """A Docker Socket Proxy as a process: its address and its pid."""
    path = folder / "proxy.sock"
    named = {"DOCKER_SOCKET": engine, "INSTANCE": "benchmark", **settings}
    environ = os.environ | {f"CLOCHE_DOCKERPROXY_{name}": value for name, value in named.items()}
    with open_listener(f"unix:{path}") as listener, (folder / "proxy.log").open("wb") as log:
        environ["CLOCHE_DOCKERPROXY_LISTEN"] = f"fd:{listener.fileno()}"
        process = subprocess.Popen(
            [sys.executable, "-m", "cloche.dockerproxy"],
            env=environ,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield f"unix:{path}", process.pid
    finally:
        process.terminate()
        process.wait(20)
