"""Half a million evaluations through Redis as Cloche sets it up: its memory on the way, and writes that it refused.

    python benchmarks/bus_memory.py [--evaluations 500000]

By an executor without cells, submitted in groups of 500 as fast as the platform takes them, so that as much waits and
is on its way at once as ever can be. Redis counts itself what it refused for want of memory.
"""

import argparse
import asyncio
import time
from typing import Any
from urllib.parse import quote

import aiohttp
import redis.asyncio
from rich.console import Console
from rich.table import Table
from stack import started_stack
from throughput import GROUP, Verdicts, by_group, null_worker, until_offered

from cloche.stack.credentials import load_or_create

console = Console(highlight=False)
MIB = 1 << 20
LOOK_S = 0.5


class Watched:
    """What Redis said of itself, again and again."""

    def __init__(self, server: redis.asyncio.Redis) -> None:
        self._server = server
        self.before: dict[str, Any] = {}
        self.most_bytes = self.most_keys = 0

    async def look(self) -> dict[str, Any]:
        said = await self._server.info("everything")
        self.most_bytes = max(self.most_bytes, said["used_memory"])
        self.most_keys = max(self.most_keys, said.get("db0", {}).get("keys", 0))
        return said

    async def for_ever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)


def refused(said: dict[str, Any]) -> int:
    """Commands that Redis refused for want of memory."""
    return sum(answer["count"] for kind, answer in said.items() if kind.startswith("errorstat_OOM"))


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with started_stack() as stack, null_worker(stack):
        password = load_or_create(next(stack.data_dir.rglob("credentials.json"))).users["owner"]
        url = f"unix://owner:{quote(password)}@{next(stack.data_dir.rglob('valkey.sock'))}?db=0"
        storage = aiohttp.UnixConnector(str(stack.data_dir / "run" / "storage-health.sock"))
        async with (
            redis.asyncio.Redis.from_url(url) as server,
            aiohttp.ClientSession(stack.url) as http,
            aiohttp.ClientSession(connector=storage) as internal,
        ):
            watched, verdicts = Watched(server), Verdicts(internal)
            await until_offered(http)
            before, begun = await watched.look(), time.monotonic()
            watching = asyncio.create_task(watched.for_ever())
            await by_group(http, options.evaluations)
            submitted = time.monotonic() - begun
            await verdicts.until(options.evaluations // GROUP * GROUP)
            took = time.monotonic() - begun
            watching.cancel()
            after = await watched.look()
    table = Table(f"{options.evaluations:,} evaluations", "", "bound")
    table.add_row("evaluations a second", f"{options.evaluations / took:.0f}", "")
    table.add_row("submitted after", f"{submitted:.0f} s of {took:.0f} s", "")
    table.add_row("Redis's memory before", f"{before['used_memory'] / MIB:.1f} MiB", "")
    table.add_row("at most", f"{watched.most_bytes / MIB:.1f} MiB", f"{after['maxmemory'] / MIB:.0f} MiB")
    table.add_row("afterwards", f"{after['used_memory'] / MIB:.1f} MiB", "")
    table.add_row("keys at most", f"{watched.most_keys:,}", "")
    table.add_row("writes refused", str(refused(after)), "0")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=500_000)
    asyncio.run(main(parser.parse_args()))
