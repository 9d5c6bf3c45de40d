"""What a cell costs: ``python -c pass`` in one, beside the same interpreter bare, interleaved in one run.

    python benchmarks/cell.py [--blocks 12] [--runs 25] [--at-once 16] [--endure 0]

Rows are taken in turns, block by block; ratios are to the first row, whose null row is the same
thing again. CPU is the whole machine's (/proc/stat), so nothing else should run. ``--endure N``
then makes N more runs and says what is left of them.
"""

import argparse
import asyncio
import gc
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop
from cpu import machine_cpu_s
from rich.console import Console
from rich.table import Table

from cloche.contracts.limits import Limits
from cloche.contracts.words import Isolation, Stream
from cloche.executor.cell import Cell, Command
from cloche.executor.engines.engine import CellSpec, Toolchain
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.engines.local.pipes import PipeReader
from cloche.executor.engines.local.toolchains import base_view
from cloche.executor.runtimes import Runtime, load_runtimes

console = Console(highlight=False)
INTERPRETER = os.path.realpath("/usr/bin/python3")
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
ARGV = (INTERPRETER, "-c", "pass")


@dataclass
class Row:
    """One way to run it, and what its blocks took: seconds of wall and of CPU per run."""

    name: str
    run: Callable[[], Awaitable[None]]
    walls_s: list[float] = field(default_factory=list[float])
    cpus_s: list[float] = field(default_factory=list[float])


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    engine, waiting = LocalEngine(tiers=("process", "namespace")), LocalEngine(tiers=("namespace",), ahead=1)
    await engine.start()
    await waiting.start()
    try:
        (python,) = load_runtimes(only=("python",))
        # The cells see the system's packages too, so that both import the same at start.
        libraries = (f"/usr/lib/{Path(INTERPRETER).name}", "/usr/lib/python3")
        toolchain = Toolchain(tool=INTERPRETER, readonly=(*base_view(), *libraries))
        cells = {tier.isolation: partial(in_cell, engine, python, toolchain, tier.isolation) for tier in engine.tiers}
        names = [("bare", bare), ("bare again (null row)", bare)]
        names += [(f"cell: {tier}", run) for tier, run in cells.items()]
        console.print(f"baseline: {' '.join(ARGV)}   kernel {os.uname().release}, {os.cpu_count()} cores")
        for tier in engine.tiers:
            console.print(f"{tier.isolation}: {', '.join(tier.features)}")
        names.append(("cell: namespace, made ahead", partial(in_cell, waiting, python, toolchain, "namespace")))
        await measure(names, options.blocks, options.runs, 1)
        await measure(
            [name for name in names if "process" not in name[0]],
            max(2, options.blocks // 2),
            options.runs * 4,
            options.at_once,
        )
        if options.endure:
            await endure(cells["namespace"], options.endure)
    finally:
        await engine.close()
        await waiting.close()


async def bare() -> None:
    """The interpreter as a child of this process, started and waited for as cheaply as cells are."""
    done, stdout = os.pipe2(os.O_CLOEXEC)
    reader = PipeReader(done)
    pid = os.posix_spawn(INTERPRETER, ARGV, {}, file_actions=[(os.POSIX_SPAWN_DUP2, stdout, 1)])  # noqa: ASYNC221  (microseconds)
    os.close(stdout)
    try:
        assert await reader.read() == b""
    finally:
        reader.close()
    assert os.waitpid(pid, 0)[1] == 0  # noqa: ASYNC222  (it has closed its stdout: it ends now)


async def in_cell(engine: LocalEngine, runtime: Runtime, toolchain: Toolchain, tier: Isolation) -> None:
    """The same in a fresh cell, from making it to the proof that it is gone."""
    limits = Limits()
    slot = await engine.open(CellSpec("bench", runtime, toolchain, limits, isolation=tier))
    try:
        cell = Cell(slot)
        await cell.begin([], deadline_s=60)
        facts = await cell.run(Command(ARGV, tuple(ENV.items())), limits, _drop)
        assert facts.done.exit_code == 0, facts
    finally:
        await slot.destroy()


async def _drop(_: Stream, data: bytes) -> None:
    assert not data, data


async def measure(
    names: Sequence[tuple[str, Callable[[], Awaitable[None]]]], blocks: int, runs: int, at_once: int
) -> None:
    """Every row in turns, ``runs`` a block, ``at_once`` at a time."""
    rows = [Row(name, run) for name, run in names]
    for row in rows:
        await row.run()
    for block in range(blocks):
        for row in rows if block % 2 == 0 else reversed(rows):
            begun, cpu = time.monotonic(), machine_cpu_s()
            await _pool(row.run, runs, at_once)
            row.walls_s.append((time.monotonic() - begun) / runs)
            row.cpus_s.append((machine_cpu_s() - cpu) / runs)
    _print(rows, f"{at_once} at once, {blocks} blocks of {runs} runs, medians")


async def _pool(run: Callable[[], Awaitable[None]], runs: int, at_once: int) -> None:
    left = iter(range(runs))

    async def some() -> None:
        for _ in left:
            await run()

    await asyncio.gather(*(some() for _ in range(at_once)))


def _print(rows: list[Row], title: str) -> None:
    table = Table("", "runs/s", "wall ms", "to bare", "CPU ms", "to bare", title=title, title_justify="left")
    wall0, cpu0 = statistics.median(rows[0].walls_s), statistics.median(rows[0].cpus_s)
    for row in rows:
        wall, cpu = statistics.median(row.walls_s), statistics.median(row.cpus_s)
        figures = (
            f"{1 / wall:.0f}",
            f"{wall * 1e3:.2f}",
            f"{wall / wall0:.2f}",
            f"{cpu * 1e3:.2f}",
            f"{cpu / cpu0:.2f}",
        )
        table.add_row(row.name, *figures)
    console.print(table)


async def endure(run: Callable[[], Awaitable[None]], runs: int) -> None:
    """Memory and leftovers before and after many runs."""
    await _pool(run, 200, 8)
    before = _left()
    await _pool(run, runs, 8)
    after = _left()
    table = Table("", "before", f"after {runs} runs", title="what is left", title_justify="left")
    for name, value in before.items():
        table.add_row(name, str(value), str(after[name]))
    console.print(table)


def _left() -> dict[str, int]:
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    mine = str(os.getpid())
    groups = [p for p in Path("/sys/fs/cgroup").rglob("cloche-*") if f"-{mine}-" in p.name]
    return {
        "resident KiB": int(status.partition("VmRSS:")[2].split()[0]),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": len(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()),
        "cgroups": len(groups),
        "children": len(Path(f"/proc/self/task/{mine}/children").read_text(encoding="ascii").split()),
        "temporary files": len(list(Path("/tmp").glob(f"cloche-cells-{mine}-*/*"))),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--endure", type=int, default=0)
    uvloop.run(main(parser.parse_args()))  # as the executor does
