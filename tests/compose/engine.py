"""A Docker Engine with networks of its own, and places around it from which to try what can be reached."""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CLONE_NEWNET = 0x40000000

#: The Engine's machine as the outside sees it, and a host outside. Source: RFC 5737, TEST-NET-3.
MACHINE = "203.0.113.1"
OUTSIDE = "203.0.113.2"


@dataclass(frozen=True)
class Engine:
    """A running Engine: its socket and its process, whose network namespace is the machine's."""

    socket: str
    pid: int

    def docker(self, *arguments: str, check: bool = True) -> str:
        """What a docker command prints."""
        return run(["docker", *arguments], env=self.environment, check=check).stdout

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}


def run(argv: list[str], *, timeout_s: float = 300, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
    """A command to its end; what it wrote is in the error when it fails."""
    done = subprocess.run(argv, text=True, capture_output=True, timeout=timeout_s, check=False, **options)
    assert not check or done.returncode == 0, f"{argv}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


@contextlib.contextmanager
def networked_engine() -> Iterator[Engine]:
    """An Engine that the last of its users stops."""
    hold = [sys.executable, ROOT / "scripts/test_dockerd.py", "hold", ROOT / ".cache/networked-engine", "--networks"]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        socket = holder.stdout.readline().strip()
        assert socket, "no Docker Engine with networks; scripts/test_dockerd.py says why above"
        yield Engine(socket, int((Path(socket).parent / "dockerd.pid").read_text()))


@contextlib.contextmanager
def outside_of(engine: Engine) -> Iterator[int]:
    """A process in a namespace that is the rest of the world: it knows the machine and none of its containers."""
    idle = ["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec cat"]
    with subprocess.Popen(idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as world:
        assert world.stdout is not None
        world.stdout.readline()
        orders = (
            (engine.pid, f"link add outside type veth peer name uplink netns {world.pid}"),
            (engine.pid, f"addr add {MACHINE}/24 dev outside"),
            (engine.pid, "link set outside up"),
            (world.pid, f"addr add {OUTSIDE}/24 dev uplink"),
            (world.pid, "link set uplink up"),
            (engine.pid, f"route add default via {OUTSIDE}"),
        )
        for pid, order in orders:
            run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *order.split()])
        yield world.pid


def threads_at(pid: int) -> ThreadPoolExecutor:
    """Threads whose sockets belong to the network namespace of a process."""

    def enter() -> None:
        with Path(f"/proc/{pid}/ns/net").open() as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(namespace.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    return ThreadPoolExecutor(4, initializer=enter)
