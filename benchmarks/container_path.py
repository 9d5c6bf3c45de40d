"""The whole path through warm containers beside ``docker run`` of the same program, interleaved in one run.

    python benchmarks/container_path.py [--rounds 40] [--pace 1.0] [--blocks 6] [--burst 40]

From submission over HTTP to stored verdict, five limit sets mixed: first one every ``--pace`` seconds, so that the
pool is full again, then bursts beyond the pool. Ratios are to ``docker run``, whose null row is the same thing again.
CPU is the whole machine's, in the first table less what it uses in the same time with nothing to do.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import aiohttp
from cpu import machine_cpu_s
from engine import held_engine
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack

console = Console(highlight=False, width=130)
MIB = 1 << 20
SOURCE = "print(sum(range(100_000)))"
TOOL = "/usr/bin/python3"
RUN = ("docker", "run", "--rm", "--network", "none", "--entrypoint", TOOL, "cloche/python:latest", "-c", SOURCE)
LIMITS = (
    {},
    {"memory_bytes": 64 * MIB, "processes": 16},
    {"memory_bytes": 512 * MIB, "wall_time_s": 20},
    {"disk_bytes": 16 * MIB, "inodes": 256},
    {"memory_bytes": 100 * MIB, "processes": 100, "output_bytes": 4096},
)
#: The first of each class are made on demand.
WARM_UP = 10
#: Enough to fill the pool.
REST_S = 5.0


@dataclass
class Row:
    """One way to run it. Seconds: how long each run took, and the wall and the CPU of each turn, shared by its runs."""

    name: str
    run: Callable[[], Awaitable[None]]
    latencies_s: list[float] = field(default_factory=list[float])
    walls_s: list[float] = field(default_factory=list[float])
    cpus_s: list[float] = field(default_factory=list[float])

    async def turn(self, runs: int = 1, pace_s: float = 0.0) -> None:
        """``runs`` of them at once, then quiet until ``pace_s`` are over."""
        begun, cpu = time.perf_counter(), machine_cpu_s()
        self.latencies_s += await asyncio.gather(*(_timed(self.run) for _ in range(runs)))
        self.walls_s.append((time.perf_counter() - begun) / runs)
        await asyncio.sleep(max(0.0, pace_s - (time.perf_counter() - begun)))
        self.cpus_s.append((machine_cpu_s() - cpu) / runs)


async def _timed(run: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await run()
    return time.perf_counter() - begun


async def nothing() -> None:
    """What the machine does anyway."""


async def docker_run() -> None:
    """A fresh container by Docker's own client."""
    process = await asyncio.create_subprocess_exec(*RUN, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0, process.returncode
    assert said == b"4999950000\n", said


class Submitter:
    """Submits with one limit set after the other and waits for the stored verdict."""

    def __init__(self, session: aiohttp.ClientSession, stack: Stack) -> None:
        self._session = session
        self._url = f"{stack.url}/api/v1/evaluations?wait=60"
        self._turn = count()

    async def run(self) -> None:
        """One program."""
        limits = LIMITS[next(self._turn) % len(LIMITS)]
        body = {"runtime": "python", "source": SOURCE, "isolation": "container", "limits": limits}
        async with self._session.post(self._url, json=body) as answer:
            view = await answer.json()
        assert view.get("verdict") == "accepted", view


def contenders(run: Callable[[], Awaitable[None]]) -> list[Row]:
    """The rows, the baseline first."""
    return [Row("docker run", docker_run), Row("docker run again (null row)", docker_run), Row("Cloche", run)]


async def paced(rows: list[Row], rounds: int, pace_s: float) -> None:
    """One run of each in turns."""
    idle = Row("nothing", nothing)
    for _ in range(rounds):
        for row in random.sample([*rows, idle], len(rows) + 1):
            await row.turn(pace_s=pace_s)
    title = f"one every {pace_s:g} s, {rounds} rounds, five limit sets mixed"
    _print(title, rows, idle_cpu_s=statistics.median(idle.cpus_s))


async def bursts(rows: list[Row], blocks: int, runs: int) -> None:
    """``runs`` at once of each in turns; the pool is full before."""
    for block in range(blocks):
        for row in rows if block % 2 == 0 else reversed(rows):
            await asyncio.sleep(REST_S)
            await row.turn(runs)
    _print(f"bursts of {runs}, {blocks} times, five limit sets mixed", rows, idle_cpu_s=0.0)


def _print(title: str, rows: list[Row], *, idle_cpu_s: float) -> None:
    table = Table("", "p50 ms", "ratio", "p95 ms", "ratio", "wall/run ms", "ratio", "CPU/run ms", "ratio", title=title)
    first = _figures(rows[0], idle_cpu_s)
    for row in rows:
        figures = _figures(row, idle_cpu_s)
        pairs = zip(figures, first, strict=True)
        table.add_row(row.name, *(text for one, base in pairs for text in (f"{one * 1e3:.1f}", f"{one / base:.2f}")))
    console.print(table)


def _figures(row: Row, idle_cpu_s: float) -> tuple[float, float, float, float]:
    p95 = statistics.quantiles(row.latencies_s, n=20)[-1]
    cpu = statistics.mean(row.cpus_s) - idle_cpu_s
    return statistics.median(row.latencies_s), p95, statistics.median(row.walls_s), cpu


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with held_engine("python") as socket, started_stack("--engine", "docker", docker_socket=socket) as stack:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            submitter = Submitter(session, stack)
            for _ in range(WARM_UP):
                await submitter.run()
            await asyncio.sleep(REST_S)
            console.print(f"baseline: {' '.join(RUN)}; in Cloche: {await stack.cell_python()}")
            await paced(contenders(submitter.run), options.rounds, options.pace)
            await bursts(contenders(submitter.run), options.blocks, options.burst)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--burst", type=int, default=40)
    asyncio.run(main(parser.parse_args()))
