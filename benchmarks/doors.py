"""What the doors cost beside the native interface, through the peers' own clients, in turns.

    python benchmarks/doors.py [--rounds 200] [--programs 1000]

Each door is compared with the native interface by the same library used in the same way: ultra-piston and
sandbox-fusion open a connection for each call, so their counterparts do too. Judge0's client asks ten times a second
whether there is a result; ``wait=true`` is measured instead. Then many programs through the SandboxFusion door with 256
in flight, beside one group of the native interface.
"""

import argparse
import asyncio
import statistics
import time
import warnings
from collections.abc import Callable

import httpx
import requests
import ultra_piston
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sandbox_fusion

console = Console(highlight=False)
SOURCE = "print(sum(range(10)))"
IN_FLIGHT = 256
_SETTLED_S = 10.0
#: The issue's bounds: milliseconds more than native, and the rate beside the native batch.
MOST_MORE_MS, LEAST_RATIO = 2.0, 0.9


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--programs", type=int, default=1000)
    options = parser.parse_args()
    with started_stack() as stack:
        settle(stack)
        latency(stack, options.rounds)
        asyncio.run(throughput(stack, options.programs))


def settle(stack: Stack) -> None:
    """Wait until executors announce no further runtime: their self-tests run beside what is measured."""
    known, since = 0, time.monotonic()
    while time.monotonic() - since < _SETTLED_S:
        found = len(httpx.get(f"{stack.url}/api/v1/runtimes").json()["runtimes"])
        if found != known:
            known, since = found, time.monotonic()
        time.sleep(0.5)


def latency(stack: Stack, rounds: int) -> None:
    """Medians of one run after the other, door and native in turns."""
    sandbox_fusion.set_endpoint(f"{stack.url}/compat/sandboxfusion")
    piston = ultra_piston.PistonClient(base_url=f"{stack.url}/api/v2", rate_limit=0)
    file = ultra_piston.File(content=SOURCE)
    run_code = sandbox_fusion.RunCodeRequest.parse_obj({"code": SOURCE, "language": "python"})
    native = {"runtime": "python", "source": SOURCE}
    # A selector takes the newest, the native interface what its executor has first: both are to run the same here.
    version = httpx.post(f"{stack.url}/api/v1/evaluations?wait=30", json=native).json()["runtime"].partition("@")[2]
    judge0 = {"source_code": SOURCE, "language_id": 71}
    listed = httpx.get(f"{stack.url}/api/v1/runtimes").json()["runtimes"]
    newest = {**native, "runtime": next(f"python@{each['version']}" for each in listed if each["name"] == "python")}
    address = f"{stack.url}/api/v1/evaluations?wait=30"
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "Piston, ultra-piston": (
                lambda: piston.post_execute(language="python", version=version, file=file),
                lambda: httpx.post(address, json=native).json(),
            ),
            "SandboxFusion, sandbox-fusion": (
                lambda: sandbox_fusion.run_code(run_code),
                lambda: requests.post(address, json=native, timeout=60).json(),
            ),
            "Judge0, wait=true": (
                lambda: client.post("/compat/judge0/submissions?wait=true", json=judge0).json(),
                lambda: client.post("/api/v1/evaluations?wait=30", json=newest).json(),
            ),
        }
        table = Table("door", "door ms", "native ms", "more ms", f"bound {MOST_MORE_MS:g} ms")
        for name, (door, ours) in pairs.items():
            doors_ms, ours_ms, more = in_turns(door, ours, rounds)
            table.add_row(name, f"{doors_ms:.2f}", f"{ours_ms:.2f}", f"{more:+.2f}", verdict(more <= MOST_MORE_MS))
    console.print(table)


def in_turns(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Median milliseconds of each, and of how much more the first took in a round."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 10):
        for which in (0, 1) if number % 2 else (1, 0):
            begun = time.perf_counter()
            (first, second)[which]()
            if number >= 10:  # those before warm up
                took[which].append((time.perf_counter() - begun) * 1000)
    more = statistics.median(a - b for a, b in zip(*took, strict=True))
    return statistics.median(took[0]), statistics.median(took[1]), more


async def throughput(stack: Stack, programs: int) -> None:
    """Programs a second, native and through the door, in three turns."""
    rates: dict[str, list[float]] = {"native group": [], "SandboxFusion door": []}
    for _ in range(3):
        for name, run_all in (("native group", native_group), ("SandboxFusion door", through_door)):
            begun = time.perf_counter()
            await run_all(stack, programs)
            rates[name].append(programs / (time.perf_counter() - begun))
    native, door = (statistics.median(rates[name]) for name in rates)
    table = Table("way", "programs/s", "ratio", f"bound {LEAST_RATIO:g}")
    table.add_row("native group", f"{native:.0f}", "1.00", "")
    ratio = door / native
    table.add_row(
        f"sandbox-fusion, {IN_FLIGHT} in flight", f"{door:.0f}", f"{ratio:.2f}", verdict(ratio >= LEAST_RATIO)
    )
    console.print(table)


async def native_group(stack: Stack, programs: int) -> None:
    """One group, and the result of each."""
    group = {"evaluations": [{"runtime": "python", "source": SOURCE}] * programs}
    limits = httpx.Limits(max_connections=IN_FLIGHT)
    async with httpx.AsyncClient(base_url=stack.url, timeout=300, limits=limits) as client:
        ids = (await client.post("/api/v1/evaluations:batch", json=group)).json()["ids"]
        for evaluation_id in ids:
            found = (await client.get(f"/api/v1/evaluations/{evaluation_id}?wait=60")).json()
            assert found["verdict"] == "accepted", found


async def through_door(stack: Stack, programs: int) -> None:
    """The client's own asynchronous call, ``IN_FLIGHT`` at a time, none of them tried twice."""
    request = sandbox_fusion.RunCodeRequest.parse_obj({"code": SOURCE, "language": "python", "run_timeout": 60})
    endpoint = f"{stack.url}/compat/sandboxfusion"
    turn = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with turn:
            done = await sandbox_fusion.run_code_async(request, endpoint=endpoint, max_attempts=1)
        assert done.run_result is not None
        assert done.run_result.return_code == 0, done

    await asyncio.gather(*(one() for _ in range(programs)))


def verdict(holds: bool) -> str:  # noqa: FBT001  (a fact, not a switch)
    """A word for people."""
    return "holds" if holds else "does not hold"


if __name__ == "__main__":
    main()
