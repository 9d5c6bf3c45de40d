"""A storm: the whole platform under a steady load while everything in it is hurt, and what became of each evaluation.

``python -m tests.chaos.storm --evaluations 10000 --seed 7`` prints the plan, what happened and the report, and writes
them to ``.cache/chaos``. It ends with status 1 if anything was lost, doubled, mixed, changed or stuck.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cloche.stack.accounts import is_root

from .faults import Happened, run_plan
from .load import Load, end_within
from .plan import KINDS, WITHOUT_ROOT, Fault, make_plan
from .record import read_defects, read_left_over, read_list, read_stored
from .report import Report, evidence, judge
from .storm_stack import storm_stack

_PER_S: Final = 5.0
_IN_FLIGHT: Final = 60
#: How long after the recovery evaluations are waited for before they count as lost.
_GIVEN_UP_S: Final = 120.0
_PROGRESS_S: Final = 10.0
_FOLDER: Final = Path(__file__).parents[2] / ".cache/chaos"


@dataclass(frozen=True)
class Aftermath:
    """What happened in a storm, and the answers that submissions and readers got by their statuses."""

    report: Report
    happened: Sequence[Happened]
    answers: Counter[int]
    streams: Counter[int]
    left_over: dict[str, int]
    defects: Counter[str]
    recovered_s: float
    evidence: dict[str, object]

    def __str__(self) -> str:
        met = Counter(one.fault.what for one in self.happened if one.met)
        return "\n".join([
            f"faults    {sum(met.values()):>7}   {', '.join(f'{what} {met[what]}' for what in KINDS)}",
            f"answers   {_in_words(self.answers)}; streams {_in_words(self.streams)}",
            f"left over {_in_words(self.left_over)}",
            f"defects   {_in_words(self.defects) or 'none'} in the logs",
            f"recovered {self.recovered_s:>7.1f} s after the last fault was healed",
            str(self.report),
        ])  # fmt: skip


def plan_for(evaluations: int, seed: int) -> list[Fault]:
    """The plan of a storm over so many evaluations; without root no disk can be filled."""
    kinds = KINDS if is_root() else WITHOUT_ROOT
    return make_plan(seed, evaluations / _PER_S, kinds)


async def storm(evaluations: int, plan: Sequence[Fault], logs: Path, tell: Callable[[str], None]) -> Aftermath:
    """Start a platform, let the storm pass over it, wait for the verdicts, and judge. ``logs`` outlive it."""
    loop = asyncio.get_running_loop()
    async with storm_stack(logs) as stack:
        tell("the platform is ready")
        load = Load(stack.url, per_s=_PER_S, in_flight=_IN_FLIGHT)
        loading = asyncio.create_task(load.run(evaluations))
        progress = asyncio.create_task(_tell_progress(load, tell))
        try:
            happened = await run_plan(stack, plan, tell)
            healed_at = loop.time()
            await stack.until_ready()
            recovered_at = loop.time()
            await end_within(loading, _GIVEN_UP_S + evaluations / _PER_S)
        finally:
            progress.cancel()
            await end_within(loading, 0)
        stored = await read_stored(stack.owner_dsn)
        report = judge(load.followed, stored, await read_list(stack.url), recovered_at)
        return Aftermath(
            report=report,
            happened=happened,
            answers=load.answers,
            streams=sum((Counter(one.seen.statuses) for one in load.followed), Counter[int]()),
            left_over=await read_left_over(stack.owner_dsn),
            defects=read_defects(stack.data_dir / "log"),
            recovered_s=recovered_at - healed_at,
            evidence=evidence(report, load.followed, stored),
        )


async def _tell_progress(load: Load, tell: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        tell(f"accepted {load.accepted}, told {load.told}")


def _in_words(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{what}: {count}" for what, count in sorted(counts.items()))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a command for people)


def main() -> int:
    """Run one storm from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    plan = plan_for(chosen.evaluations, chosen.seed)
    folder = _FOLDER / f"seed-{chosen.seed}-evaluations-{chosen.evaluations}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps([asdict(fault) for fault in plan], indent=1), encoding="utf-8")
    _say(f"seed {chosen.seed}, {chosen.evaluations} evaluations, {len(plan)} faults:")
    for fault in plan:
        _say(str(fault))
    begun = time.monotonic()

    def tell(what: str) -> None:
        _say(f"[{time.monotonic() - begun:7.1f}] {what}")

    aftermath = asyncio.run(storm(chosen.evaluations, plan, folder / "logs", tell))
    _say(str(aftermath))
    found = {"report": asdict(aftermath.report), "evidence": aftermath.evidence}
    (folder / "report.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if aftermath.report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
