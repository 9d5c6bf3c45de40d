"""What the Docker Socket Proxy costs: calls with and without it, in pairs, and a gigabyte relayed.

    python benchmarks/docker_proxy.py [--pairs 300] [--gigabytes 1]

Without it the same request goes straight to the Engine by the same client. Each round makes, starts and removes a
container in every way, in changing order; the difference of a pair is what the proxy adds. The bare relay passes the
direct client's bytes on and decides nothing: no proxy of one event loop costs less. The proxy's CPU and memory are its
own process's: it has no children.
"""

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from cpu import parts_cpu_s
from engine import held_engine, started_proxy
from memory import resident_kib
from rich.console import Console
from rich.table import Table

from cloche.contracts.limits import GIB, Limits
from cloche.contracts.words import Stream
from cloche.dockerproxy import policy
from cloche.dockerproxy.engine import Engine, id_in
from cloche.dockerproxy.policy import Cell, CreateOrder
from cloche.executor.cell import Cell as RunningCell
from cloche.executor.cell import Command
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient
from cloche.executor.engines.engine import CellSpec
from cloche.executor.runtimes import load_runtimes

console = Console(highlight=False, width=130)
MIB = 1 << 20
ORDER = ContainerOrder("python", "pair", 64 * MIB, 1000, 16, 16 * MIB, 1024)
#: A user that no proxy of this machine gives out.
UID = 60_000
#: Each of these writes this much into a pipe at once.
PIECE = 64 * 1024
Took = dict[str, float]


class Direct:
    """The same containers without a proxy."""

    def __init__(self, socket: str, image_id: str) -> None:
        self._engine = Engine(Path(socket), lambda *_: None)
        self._cell = Cell(CreateOrder(**vars(ORDER)), image_id, UID, "benchmark-direct", "runc")

    async def create(self) -> str:
        name = f"benchmark-direct-{random.getrandbits(64):x}"
        return id_in(await self._engine.tell(policy.create(name, policy.create_body(self._cell))))

    async def start(self, container: str) -> None:
        await self._engine.call(policy.start(policy.ContainerId(container)))

    async def delete(self, container: str) -> None:
        await self._engine.call(policy.delete(policy.ContainerId(container)))


class Proxied:
    """Through the proxy."""

    def __init__(self, address: str) -> None:
        self._client = ProxyClient(address, None)
        self.start, self.delete = self._client.start, self._client.delete

    async def create(self) -> str:
        return await self._client.create(ORDER)


async def one(way: Direct | Proxied) -> Took:
    """Seconds of each call on one container."""
    took: Took = {}
    begun = time.perf_counter()
    container = await way.create()
    took["create"] = time.perf_counter() - begun
    begun = time.perf_counter()
    await way.start(container)
    took["start"] = time.perf_counter() - begun
    begun = time.perf_counter()
    await way.delete(container)
    took["delete"] = time.perf_counter() - begun
    return took


async def pairs(ways: dict[str, Direct | Proxied], rounds: int) -> dict[str, list[Took]]:
    """What each way took, round by round."""
    found: dict[str, list[Took]] = {name: [] for name in ways}
    for way in ways.values():
        await one(way)
    names = list(ways)
    for _ in range(rounds):
        random.shuffle(names)
        for name in names:
            found[name].append(await one(ways[name]))
    return found


def print_pairs(found: dict[str, list[Took]]) -> None:
    """Medians, and the median difference of the pairs with its interval."""
    base, *others = found
    title = f"{len(found[base])} pairs, in milliseconds; the difference: the median of the pairs', 95 % interval"

    table = Table("call", "", "median", "difference", "of a call", title=title, title_justify="left")
    for call in found[base][0]:
        usual = statistics.median(took[call] for took in found[base])
        table.add_row(call, base, f"{usual * 1e3:.2f}", "", "")
        for other in others:
            apart = [a[call] - b[call] for a, b in zip(found[other], found[base], strict=True)]
            low, high = interval(apart)
            median = statistics.median(apart)
            difference = f"{median * 1e3:+.2f} ({low * 1e3:+.2f} to {high * 1e3:+.2f})"
            share = f"{median / usual:+.1%} ({low / usual:+.1%} to {high / usual:+.1%})"
            table.add_row("", other, f"{statistics.median(t[call] for t in found[other]) * 1e3:.2f}", difference, share)
    console.print(table)


def interval(values: list[float], draws: int = 2000) -> tuple[float, float]:
    """The 95 % interval of the median, by bootstrap."""
    medians = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(draws))
    return medians[int(0.025 * draws)], medians[int(0.975 * draws)]


async def relayed(address: str, pid: int, total: int) -> None:
    """Print what ``total`` bytes of a program's output cost the proxy, and its memory on the way."""
    engine = DockerEngine(address, owner="benchmark")
    await engine.start()
    (python,) = load_runtimes(only=("python",))
    (toolchain,) = await engine.toolchains(python)
    limits = Limits(output_bytes=total, wall_time_s=600, cpu_time_s=600)
    source = f"import os\nfor _ in range({total // PIECE}): os.write(1, b'x' * {PIECE})"
    resident, came = [resident_kib(pid)], 0

    async def sink(_: Stream, data: bytes) -> None:
        nonlocal came
        if came // (total // 8) != (came + len(data)) // (total // 8):
            resident.append(resident_kib(pid))
        came += len(data)

    slot = await engine.open(CellSpec("relay", python, toolchain, limits))
    try:
        cell = RunningCell(slot)
        await cell.begin([], deadline_s=600)
        cpu, begun = parts_cpu_s({"proxy": pid})["proxy"], time.perf_counter()
        facts = await cell.run(Command((toolchain.tool, "-c", source), (("LANG", "C.UTF-8"),)), limits, sink)
        took, cost = time.perf_counter() - begun, parts_cpu_s({"proxy": pid})["proxy"] - cpu
        assert (facts.done.exit_code, came) == (0, total // PIECE * PIECE), (facts.done, came)
    finally:
        await slot.destroy()
        await engine.close()
    size = came / 1e9
    console.print(f"\n{size:.2f} GB relayed in {took:.1f} s: {cost / size:.2f} s of the proxy's CPU per GB")
    console.print(f"its resident KiB before and at each eighth: {', '.join(map(str, resident))}")


@contextlib.contextmanager
def bare_relay(folder: Path, engine: str) -> Iterator[str]:
    """The socket of a process that passes bytes on to the Engine."""
    path = folder / "relay.sock"
    with subprocess.Popen([sys.executable, Path(__file__).with_name("bare_relay.py"), path, engine]) as relay:
        try:
            while not path.exists():
                time.sleep(0.05)
            yield str(path)
        finally:
            relay.terminate()


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with held_engine("python") as socket, tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        limits = {"CREATES_PER_S": "10000", "MAX_LIFETIME_S": "3600"}
        with started_proxy(Path(folder), socket, **limits) as (address, pid):
            image = (await ProxyClient(address, None).images()).images["python"]
            ways: dict[str, Direct | Proxied] = {
                "direct": Direct(socket, image),
                "direct again (null row)": Direct(socket, image),
                "through a bare relay": Direct(stack.enter_context(bare_relay(Path(folder), socket)), image),
                "through the proxy": Proxied(address),
            }
            print_pairs(await pairs(ways, options.pairs))
            await relayed(address, pid, int(options.gigabytes * GIB))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    uvloop.run(main(parser.parse_args()))  # as executor and proxy do
