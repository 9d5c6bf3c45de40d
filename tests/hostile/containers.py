"""A Docker Socket Proxy of a test's own, and what its containers leave on the host."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from cloche.contracts.words import Isolation

#: What the hostile programs are written in.
IMAGES: Final = ("bash", "c", "javascript", "python")
#: The OCI runtime that makes each tier.
OCI_RUNTIMES: Final[dict[Isolation, str]] = {"container": "runc", "gvisor": "runsc"}
_ROOT: Final = Path(__file__).resolve().parents[2]

#: The fixture ``spawn_docker_proxy``.
SpawnProxy: TypeAlias = Callable[..., subprocess.Popen[bytes]]


@dataclass(frozen=True)
class RunningProxy:
    """A proxy; ``instance`` is on all its containers."""

    process: subprocess.Popen[bytes]
    address: str
    instance: str
    docker_socket: str
    log: Path

    def containers(self) -> list[str]:
        """The full ids of those that the Engine has, running or not."""
        query = ["ps", "--all", "--quiet", "--no-trunc", "--filter", f"label=cloche.proxy={self.instance}"]
        return _docker(self.docker_socket, *query).split()

    def left(self) -> list[str]:
        """What is on the host of any container that it made: the container, its cgroups, its mounts."""
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        made = {line["container"] for line in lines if line.get("call") == "create" and "container" in line}
        assert made, "no container was made"
        groups = [Path(folder) / name for folder, names, _ in os.walk("/sys/fs/cgroup") for name in names]
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        found = [*self.containers(), *map(str, groups), *mounts]
        return [one for one in found if any(container in one for container in made)]


def build_images(docker_socket: str) -> dict[str, str]:
    """Build ``IMAGES`` where they are not built yet: alias → reference."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    subprocess.run([sys.executable, _ROOT / "scripts/build_images.py", *IMAGES], env=environment, check=True)
    return {name: f"cloche/{name}:latest" for name in IMAGES}


@contextlib.contextmanager
def running_proxy(
    spawn: SpawnProxy, directory: Path, docker_socket: str, *, command: Sequence[str] = (), **settings: str
) -> Iterator[RunningProxy]:
    """A proxy with these ``settings``; at the end it must still be there, and none of its containers."""
    instance = f"test-{secrets.token_hex(4)}"
    path, log = directory / "proxy.sock", directory / "proxy.log"
    values = {"DOCKER_SOCKET": docker_socket, "INSTANCE": instance, **settings}
    process = spawn(path, log, values, *([command] if command else []))
    proxy = RunningProxy(process, f"unix:{path}", instance, docker_socket, log)
    try:
        yield proxy
        assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
    finally:
        process.terminate()
        process.wait(20)
        if left := proxy.containers():
            _docker(docker_socket, "rm", "--force", "--volumes", *left)


def _docker(docker_socket: str, *arguments: str) -> str:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{docker_socket}"}
    return subprocess.run(
        ["docker", *arguments], env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout
