"""How long one tenant's single runs wait while another has 10,000 queued: from queued to leased.

    python benchmarks/fairness.py [--queued 10000] [--runs 100]

Programs take 200 ms on 8 slots of an executor without cells, so A's work alone would last four minutes. A slot is free
every 25 ms on average, and at the latest after 200 ms. The first row is the same with nothing else queued.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from datetime import datetime

import aiohttp
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack
from throughput import null_worker, until_offered

console = Console(highlight=False)
#: The issue's bound.
MOST_P95_MS = 300.0
SLOTS, SLEEP_S = 8, 0.2
GROUP = 500
PROGRAM = {"runtime": "null", "source": "-"}


def key_of(stack: Stack, tenant: str) -> dict[str, str]:
    """The header of a new key of ``tenant``."""
    made = subprocess.run(
        [sys.executable, "-m", "cloche.cli.main", "keys", "create", "--tenant", tenant, "--data-dir", stack.data_dir],
        check=True,
        capture_output=True,
        text=True,
    )
    return {"Authorization": f"Bearer {made.stdout.split()[-1]}"}


async def wait_ms(http: aiohttp.ClientSession, key: dict[str, str]) -> float:
    """Run one and say how long it was queued."""
    async with http.post("/api/v1/evaluations?wait=30", json=PROGRAM, headers=key) as answer:
        assert answer.status == 201, await answer.text()
        timeline = (await answer.json())["timeline"]
    queued, leased = (datetime.fromisoformat(timeline[step]) for step in ("queued_at", "leased_at"))
    return (leased - queued).total_seconds() * 1000


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with started_stack() as stack, null_worker(stack, "--slots", str(SLOTS), "--sleep", str(SLEEP_S)):
        one, other = key_of(stack, "a"), key_of(stack, "b")
        async with aiohttp.ClientSession(stack.url) as http:
            await until_offered(http)
            alone = [await wait_ms(http, other) for _ in range(20)]
            body = json.dumps({"evaluations": [PROGRAM] * GROUP})
            headers = one | {"Content-Type": "application/json"}
            for _ in range(options.queued // GROUP):
                async with http.post("/api/v1/evaluations:batch", data=body, headers=headers) as answer:
                    assert answer.status == 201, await answer.text()
            beside = [await wait_ms(http, other) for _ in range(options.runs)]
    table = Table("B's single runs, ms from queued to leased", "p50", "p95", "most", "bound")
    for name, waits, bound in (
        ("nothing else queued", alone, ""),
        (f"A has {options.queued} queued", beside, f"p95 ≤ {MOST_P95_MS:g}"),
    ):
        p95 = statistics.quantiles(waits, n=20)[-1]
        table.add_row(name, f"{statistics.median(waits):.0f}", f"{p95:.0f}", f"{max(waits):.0f}", bound)
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=100)
    asyncio.run(main(parser.parse_args()))
