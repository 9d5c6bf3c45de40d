"""What the platform itself costs: evaluations that an executor without cells ends at once, all else real.

    python benchmarks/throughput.py [--evaluations 10000] [--rounds 3]

Submitted in groups of 500, and one by one, in turns. The last verdict is stored when a round ends. CPU is that of
each part's own processes, PostgreSQL's backends included; below it the whole machine's (/proc/stat), which also holds
the executor without cells and the submitting itself, so nothing else should run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from cpu import machine_cpu_s, parts_cpu_s
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack

console = Console(highlight=False)
GROUP = 500
AT_ONCE = 16
PROGRAM = {"runtime": "null", "source": "print(sum(range(10)))\n", "labels": {"problem": "7"}}
#: The issue's bounds: evaluations a second, and CPU milliseconds of each.
LEAST_RATE, MOST_CPU_MS = 500, 3.0


@dataclass
class Way:
    """One way to submit ``count`` evaluations, and what the rounds took."""

    name: str
    submit: Callable[[aiohttp.ClientSession, int], Awaitable[None]]
    count: int
    rates: list[float] = field(default_factory=list[float])
    cpu_ms: list[dict[str, float]] = field(default_factory=list[dict[str, float]])


async def by_group(http: aiohttp.ClientSession, count: int) -> None:
    """Two groups on their way at any time."""
    body = json.dumps({"evaluations": [PROGRAM] * GROUP}).encode()
    await _at_once(2, count // GROUP, lambda: _post(http, "/api/v1/evaluations:batch", body))


async def one_by_one(http: aiohttp.ClientSession, count: int) -> None:
    """``AT_ONCE`` submissions on their way at any time."""
    body = json.dumps(PROGRAM).encode()
    await _at_once(AT_ONCE, count, lambda: _post(http, "/api/v1/evaluations", body))


async def _at_once(width: int, count: int, do: Callable[[], Awaitable[None]]) -> None:
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await do()

    await asyncio.gather(*(some() for _ in range(width)))


async def _post(http: aiohttp.ClientSession, path: str, body: bytes) -> None:
    async with http.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 201, await answer.text()
        await answer.read()


class Verdicts:
    """How many the Storage Worker has stored, as its metrics say."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def stored(self) -> int:
        async with self._http.get("http://storage/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return int(float(next(line for line in lines if line.startswith("cloche_storage_verdicts_total")).split()[1]))

    async def until(self, count: int) -> None:
        while await self.stored() < count:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def null_worker(stack: Stack, *options: str) -> Iterator[dict[str, int]]:
    """A second Queue Worker, whose executor is the one without cells (``options``); their processes by name."""
    secrets = json.loads((stack.data_dir / "secrets" / "worker.json").read_text())
    path = stack.data_dir.parent / "null.sock"
    secrets["executors"] = [{"name": "null", "address": f"unix:{path}", "token": "-"}]
    settings = stack.data_dir.parent / "null-worker.json"
    settings.touch(mode=0o600)
    settings.write_text(json.dumps(secrets))
    own = {"CLOCHE_WORKER_SECRETS_FILE": str(settings), "CLOCHE_WORKER_NAME": "null"}
    own["CLOCHE_WORKER_LISTEN"] = f"unix:{stack.data_dir.parent}/null-worker.sock"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CLOCHE_")}
    log = (stack.data_dir.parent / "null-worker.log").open("wb")
    executor = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("null_executor.py")), str(path), *options]
    )
    while not path.exists():
        time.sleep(0.05)
    worker = subprocess.Popen([sys.executable, "-m", "cloche.worker"], env=clean | own, stdout=log, stderr=log)
    try:
        yield {"worker": worker.pid, "(null executor)": executor.pid, "(submitting)": os.getpid()}
    finally:
        for process in (worker, executor):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def measure(way: Way, http: aiohttp.ClientSession, verdicts: Verdicts, pids: dict[str, int]) -> None:
    """One round of ``way``."""
    before, cpu, machine, begun = await verdicts.stored(), parts_cpu_s(pids), machine_cpu_s(), time.monotonic()
    await way.submit(http, way.count)
    await verdicts.until(before + way.count)
    way.rates.append(way.count / (time.monotonic() - begun))
    used = {name: seconds - cpu[name] for name, seconds in parts_cpu_s(pids).items()}
    used["machine"] = machine_cpu_s() - machine
    way.cpu_ms.append({name: seconds * 1000 / way.count for name, seconds in used.items()})


def report(ways: list[Way]) -> None:
    """The table: the middle of the rates, the mean of the CPU."""
    table = Table("", *(way.name for way in ways), "bound")
    middle = [sorted(way.rates)[len(way.rates) // 2] for way in ways]
    table.add_row("evaluations a second", *(f"{rate:.0f}" for rate in middle), f"≥ {LEAST_RATE} in groups")
    table.add_row("of each round", *(" ".join(f"{rate:.0f}" for rate in way.rates) for way in ways))
    parts = [name for name in ways[0].cpu_ms[0] if name != "machine"]
    means = [{n: sum(one[n] for one in way.cpu_ms) / len(way.cpu_ms) for n in (*parts, "machine")} for way in ways]
    for part in sorted(parts, key=lambda name: -means[0][name]):
        table.add_row(f"CPU ms of {part}", *(f"{mean[part]:.2f}" for mean in means))
    services = [sum(mean[part] for part in parts if not part.startswith("(")) for mean in means]
    table.add_row("CPU ms of all services", *(f"{total:.2f}" for total in services), f"≤ {MOST_CPU_MS:g} in groups")
    table.add_row("CPU ms of the machine", *(f"{mean['machine']:.2f}" for mean in means))
    console.print(table)


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    ways = [
        Way(f"groups of {GROUP}", by_group, options.evaluations),
        Way(f"one by one, {AT_ONCE} at once", one_by_one, options.evaluations // 5),
    ]
    with started_stack() as stack, null_worker(stack) as own:
        served = {name: pid for name, pid in stack.pids().items() if name not in {"worker", "executor"}}
        storage = aiohttp.UnixConnector(str(stack.data_dir / "run" / "storage-health.sock"))
        async with (
            aiohttp.ClientSession(stack.url) as http,
            aiohttp.ClientSession(connector=storage) as internal,
        ):
            verdicts = Verdicts(internal)
            await until_offered(http)
            await measure(Way("warm", by_group, 2 * GROUP), http, verdicts, served | own)
            for _ in range(options.rounds):
                for way in ways:
                    await measure(way, http, verdicts, served | own)
    report(ways)


async def until_offered(http: aiohttp.ClientSession) -> None:
    """Wait until the API Service knows of the executor without cells."""
    while True:
        async with http.get("/api/v1/runtimes") as answer:
            if "null" in await answer.text():
                return
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args()))
