"""A hundred megabytes of output from one program through the whole stack on containers: what each service keeps of it.

    python benchmarks/much_output.py [--runs 3]

Prints each service's resident memory before and its highest while the program writes, and the size of what the Engine
keeps of its containers beside their file systems: its log files would be among that.
"""

import argparse
import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
from engine import held_engine
from memory import resident_kib
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack

from cloche.contracts.limits import MAXIMA, MIB

console = Console(highlight=False, width=130)
TOTAL = 100_000_000
SOURCE = f"""
import os
piece = b"x" * 65536
left = {TOTAL}
while left:
    left -= os.write(1, piece[:left])
"""
#: Room for all of it. The API of this stack lets programs ask for so much.
OUTPUT_BYTES = 128 * MIB
LOOK_S = 0.01


async def submitted(stack: Stack) -> dict[str, Any]:
    """The evaluation, at its end."""
    body = {"runtime": "python", "source": SOURCE, "limits": {"output_bytes": OUTPUT_BYTES}}
    asked = f"{stack.url}/api/v1/evaluations?wait=60"
    async with aiohttp.ClientSession() as session, session.post(asked, json=body) as answer:
        return await answer.json()


async def watched(pids: dict[str, int], until: asyncio.Future[Any]) -> dict[str, int]:
    """The highest resident memory of each process in KiB, while ``until`` is not done."""
    highest = dict.fromkeys(pids, 0)
    while not until.done():
        for name, pid in pids.items():
            highest[name] = max(highest[name], resident_kib(pid))
        await asyncio.sleep(LOOK_S)
    return highest


def engine_keeps() -> int:
    """Bytes in the Engine's own folder of each container."""
    query = ["docker", "info", "--format", "{{.DockerRootDir}}"]
    root = subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip()
    kept = Path(root, "containers")
    return sum(file.stat().st_size for file in kept.rglob("*") if file.is_file())


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    os.environ["CLOCHE_API_MAXIMA"] = MAXIMA.model_copy(update={"output_bytes": OUTPUT_BYTES}).model_dump_json()
    with held_engine("python") as socket, started_stack("--engine", "docker", docker_socket=socket) as stack:
        pids = stack.pids() | {"dockerd": int((Path(socket).parent / "dockerd.pid").read_text())}
        await submitted(stack)  # what every service loads on its first run is no program's
        for run in range(options.runs):
            before, kept = {name: resident_kib(pid) for name, pid in pids.items()}, engine_keeps()
            running = asyncio.create_task(submitted(stack))
            highest = await watched(pids, running)
            view = running.result()
            console.print(f"\nrun {run + 1}: {view['verdict']}, {view['stdout']['bytes']} bytes")
            console.print(f"what the Engine keeps: {kept} → {engine_keeps()} bytes")
            table = Table("resident MiB", "before", "highest", "more")
            for name in pids:
                figures = (before[name], highest[name], highest[name] - before[name])
                table.add_row(name, *(f"{figure / 1024:.1f}" for figure in figures))
            console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    asyncio.run(main(parser.parse_args()))
