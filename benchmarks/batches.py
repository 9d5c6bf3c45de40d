"""What a batch costs beside the same evaluations in groups: accepting it, memory, first verdicts, and the whole.

    python benchmarks/batches.py [--evaluations 10000] [--rounds 3]

All is real but the executor, which ends everything at once. A batch is one NDJSON upload of 164 problems, each with a
prompt of a kilobyte; the groups hold the same programs, the prompt stated in each.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from cpu import parts_cpu_s
from rich.console import Console
from rich.table import Table
from stack import started_stack
from throughput import GROUP, Verdicts, null_worker, until_offered

console = Console(highlight=False)
PROBLEMS = 164
PROMPT = "def solve(x):\n" + "    # what is to be done\n" * 40
SOURCE = "    return x * 2\n\nprint(solve(int(input())))\n"
#: The issue's bounds, for 10,000 evaluations: seconds to accept, bytes of memory.
MOST_ACCEPT_S, MOST_MEMORY_BYTES = 5.0, 50_000_000
_CHUNK = 64 * 1024


@dataclass
class Round:
    """One batch, or the same in groups. Times in seconds after the first byte was sent."""

    accepted_s: float
    complete_s: float
    cpu_ms: float
    first_verdict_s: float | None = None
    memory_bytes: int = 0


@dataclass
class Peak:
    """The largest memory of some processes, looked at 50 times a second."""

    pids: list[int]
    most: int = 0
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    def now(self) -> int:
        """Resident bytes."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in self.pids)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self.most = max(self.most, self.now())
            await asyncio.sleep(0.02)


def upload(count: int) -> bytes:
    """A batch of ``count`` evaluations as NDJSON."""
    lines: list[Any] = [{"name": "bench", "defaults": {"runtime": "null"}}]
    lines += [{"problem": {"key": f"p/{n}", "prefix": PROMPT}} for n in range(PROBLEMS)]
    lines += [{"problem": f"p/{n % PROBLEMS}", "source": SOURCE} for n in range(count)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    """``body`` as it comes over a wire."""
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


async def one_batch(http: aiohttp.ClientSession, body: bytes, count: int, pids: dict[str, int]) -> Round:
    """Upload, and follow to the end."""
    peak = Peak([pid for name, pid in pids.items() if name == "web"])
    known = {batch["id"] for batch in (await read(http, "/api/v1/batches"))["items"]}
    before, cpu, begun = peak.now(), sum(parts_cpu_s(pids).values()), time.monotonic()
    watching, first = asyncio.create_task(peak.watch()), asyncio.create_task(first_verdict(http, known, begun))
    headers = {"Content-Type": "application/x-ndjson"}
    async with http.post("/api/v1/batches", data=in_parts(body), headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        batch_id = (await answer.json())["id"]
    accepted_s = time.monotonic() - begun
    while (batch := await read(http, f"/api/v1/batches/{batch_id}"))["status"] != "complete":  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    complete_s = time.monotonic() - begun
    watching.cancel()
    assert batch["finished"] == count
    used = sum(parts_cpu_s(pids).values()) - cpu
    return Round(accepted_s, complete_s, used * 1000 / count, await first, peak.most - before)


async def first_verdict(http: aiohttp.ClientSession, known: set[str], begun: float) -> float:
    """When a batch that was not ``known`` had one."""
    while True:
        newest = (await read(http, "/api/v1/batches?limit=1"))["items"]
        if newest and newest[0]["id"] not in known and newest[0]["finished"]:
            return time.monotonic() - begun
        await asyncio.sleep(0.05)


async def read(http: aiohttp.ClientSession, path: str) -> Any:
    """JSON."""
    async with http.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def in_groups(http: aiohttp.ClientSession, verdicts: Verdicts, count: int, pids: dict[str, int]) -> Round:
    """The same programs by ``evaluations:batch``, two groups on their way at any time."""
    evaluation = {"runtime": "null", "source": PROMPT + SOURCE, "lane": "batch"}
    body = json.dumps({"evaluations": [evaluation] * GROUP}).encode()
    before, cpu, begun = await verdicts.stored(), sum(parts_cpu_s(pids).values()), time.monotonic()
    left = iter(range(count // GROUP))

    async def some() -> None:
        for _ in left:
            headers = {"Content-Type": "application/json"}
            async with http.post("/api/v1/evaluations:batch", data=body, headers=headers) as answer:
                assert answer.status == 201, await answer.text()

    await asyncio.gather(some(), some())
    accepted_s = time.monotonic() - begun
    await verdicts.until(before + count)
    used = sum(parts_cpu_s(pids).values()) - cpu
    return Round(accepted_s, time.monotonic() - begun, used * 1000 / count)


def report(count: int, batches: list[Round], groups: list[Round]) -> None:
    """The table: each round beside its bound."""
    table = Table(f"{count} evaluations, rounds in turns", "one batch", f"groups of {GROUP}", "bound")
    shown = [
        ("s to accept", "accepted_s", f"≤ {MOST_ACCEPT_S:g} for 10,000"),
        ("s to the last verdict", "complete_s", ""),
        ("CPU ms of each, all services", "cpu_ms", ""),
    ]
    for label, name, bound in shown:
        table.add_row(
            label, *(" ".join(f"{getattr(one, name):.2f}" for one in way) for way in (batches, groups)), bound
        )
    table.add_row("s to the first verdict", " ".join(f"{one.first_verdict_s:.2f}" for one in batches), "", "< accept")
    grown = " ".join(f"{one.memory_bytes / 1e6:.0f}" for one in batches)
    table.add_row("MB that the API grows by", grown, "", f"≤ {MOST_MEMORY_BYTES / 1e6:.0f}")
    console.print(table)


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    batches: list[Round] = []
    groups: list[Round] = []
    body = upload(options.evaluations)
    with started_stack() as stack, null_worker(stack) as own:
        pids = {name: pid for name, pid in stack.pids().items() if name not in {"worker", "executor"}}
        pids |= {name: pid for name, pid in own.items() if not name.startswith("(")}
        storage = aiohttp.UnixConnector(str(stack.data_dir / "run" / "storage-health.sock"))
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(stack.url, timeout=timeout) as http,
            aiohttp.ClientSession(connector=storage) as internal,
        ):
            verdicts = Verdicts(internal)
            await until_offered(http)
            await in_groups(http, verdicts, 2 * GROUP, pids)
            for _ in range(options.rounds):
                batches.append(await one_batch(http, body, options.evaluations, pids))
                groups.append(await in_groups(http, verdicts, options.evaluations, pids))
    report(options.evaluations, batches, groups)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(main(parser.parse_args()))
