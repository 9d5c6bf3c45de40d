"""The composed system as a person starts it, on an Engine with networks."""

import contextlib
import ipaddress
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .engine import ROOT, Engine, run

DEPLOY = ROOT / "deploy"
IMAGES = ("cloche-service", "cloche-front", "cloche-postgres", "cloche-redis")
RUNTIMES = ("cloche/bash", "cloche/python")
_HEALTHY_S = 120.0
_LISTENS = "0A"


@dataclass(frozen=True)
class Container:
    """A running container of the composed system, by the name of its part."""

    part: str
    facts: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.facts["State"]["Pid"]

    @property
    def addresses(self) -> dict[str, str]:
        """Its address on each network, by the network's name in the compose file."""
        networks = self.facts["NetworkSettings"]["Networks"]
        return {name.partition("_")[2]: network["IPAddress"] for name, network in networks.items()}

    def listeners(self) -> set[tuple[str, int]]:
        """Where something listens that is not loopback, as its kernel says: addresses and ports."""
        lines = Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
        lines += Path(f"/proc/{self.pid}/net/tcp6").read_text().splitlines()[1:]
        found = {fields[1] for fields in map(str.split, lines) if fields[3] == _LISTENS}
        listening = {(_address(where), int(where.rpartition(":")[2], 16)) for where in found}
        return {(str(address), port) for address, port in listening if not address.is_loopback}


def _address(where: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Source: proc_net_tcp in the kernel's documentation: hexadecimal, each word in the machine's byte order."""
    words = where.rpartition(":")[0]
    raw = b"".join(bytes.fromhex(words[start : start + 8])[::-1] for start in range(0, len(words), 8))
    return ipaddress.ip_address(raw)


@dataclass(frozen=True)
class System:
    """What ``docker-compose up`` brought up from ``folder``."""

    engine: Engine
    folder: Path

    @cached_property
    def containers(self) -> dict[str, Container]:
        """Those that run, by part."""
        ids = self.engine.docker("ps", "--quiet", "--filter", "label=com.docker.compose.project=cloche").split()
        found = json.loads(self.engine.docker("inspect", *ids))
        parts = [facts["Config"]["Labels"]["com.docker.compose.service"] for facts in found]
        return {part: Container(part, facts) for part, facts in zip(parts, found, strict=True)}

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def admin_key(self) -> str:
        return (self.secrets / "admin-key").read_text().strip()

    def compose(self, *arguments: str, check: bool = True) -> str:
        """What a docker-compose command prints."""
        environ = {**self.engine.environment, "CLOCHE_HOST": "0.0.0.0"}
        done = run(["docker-compose", *arguments], cwd=self.folder, env=environ, check=check)
        return done.stdout + done.stderr

    def inside(self, part: str, *command: str, check: bool = True) -> str:
        """What ``command`` prints that is run in the container of ``part``, as its user."""
        return self.engine.docker("exec", self.containers[part].facts["Id"], *command, check=check)

    def await_healthy(self) -> None:
        """Return when every container says that it is well."""
        deadline = time.monotonic() + _HEALTHY_S
        while unwell := self._unwell():
            assert time.monotonic() < deadline, f"{unwell}\n{self.compose('logs', '--tail=20', *unwell)}"
            time.sleep(0.25)
        self.__dict__.pop("containers", None)

    def await_restarted(self, pids: dict[str, int]) -> None:
        """Return when every part is well that once had one of ``pids``, and under another one."""
        deadline = time.monotonic() + _HEALTHY_S
        while any(self.containers[part].pid == pid for part, pid in pids.items()):
            assert time.monotonic() < deadline, "a part was not started again"
            time.sleep(0.25)
            self.__dict__.pop("containers", None)
        self.await_healthy()

    def _unwell(self) -> list[str]:
        self.__dict__.pop("containers", None)
        states = {part: found.facts["State"]["Health"]["Status"] for part, found in self.containers.items()}
        wanted = {"front", "api", "queue", "worker", "executor", "dockerproxy", "storage", "redis", "postgres"}
        return sorted(part for part in wanted if states.get(part) != "healthy")


def build_images(builder: str, engine: Engine) -> None:
    """Build the images on the Engine at the socket ``builder``; bring them and those of cells to ``engine``."""
    assert list((DEPLOY / "service/wheels").glob("cloche-*.whl")), (
        "run deploy/prepare first, which `make test-compose` does"
    )
    building = Engine(builder, 0)
    files = ["--file", DEPLOY / "compose.yaml", "--file", Path(__file__).parent / "on-host-network.yaml"]
    environ = {**building.environment, "CLOCHE_DOCKER_GID": "0", "DOCKER_BUILDKIT": "0"}
    run(["docker-compose", *files, "build"], env=environ, timeout_s=900)
    wanted = [image for image in (*IMAGES, *RUNTIMES) if _id(building, image) != _id(engine, image)]
    if wanted:
        archive = ROOT / ".cache/networked-engine/images.tar"
        building.docker("save", "--output", str(archive), *wanted)
        engine.docker("load", "--quiet", "--input", str(archive))
        archive.unlink()


def _id(engine: Engine, image: str) -> str:
    return engine.docker("image", "inspect", "--format", "{{.Id}}", image, check=False)


@contextlib.contextmanager
def running_system(engine: Engine, folder: Path) -> Iterator[System]:
    """The system, started in ``folder``, which becomes a copy of ``deploy`` as it is in a fresh checkout."""
    made = shutil.ignore_patterns("secrets", ".env", "wheels", "web")
    shutil.copytree(DEPLOY, folder, dirs_exist_ok=True, ignore=made)
    system = System(engine, folder)
    run(["./make-secrets"], cwd=folder, env=engine.environment)
    system.compose("down", "--volumes")
    try:
        system.compose("up", "--detach")
        system.await_healthy()
        yield system
    finally:
        system.compose("down", "--volumes", check=False)
