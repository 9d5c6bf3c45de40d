"""Why a task is not running yet, in words for people. Pure."""

from dataclasses import dataclass

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.words import Isolation, satisfies
from cloche.queue.capability import can_run

#: Counting further than this helps nobody.
COUNTED_AHEAD = 10_000


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """What is known of a task that waits; ``ahead`` counts the same tenant's tasks before it.

    ``tenant_full_at``, ``lane_full_at`` (running tasks) and ``rate_spent_at`` (leases a second) are
    limits that are reached now.
    """

    lane: str
    runtime: str
    isolation: Isolation
    paused: bool
    due_in_s: float
    ahead: int
    tenant_full_at: int | None = None
    lane_full_at: int | None = None
    rate_spent_at: float | None = None


def waiting_for(task: WaitingTask, executors: list[ExecutorOffer]) -> str:
    """The first thing that stands in the way, given the executors that are alive."""
    if task.paused:
        return f"lane {task.lane} is paused"
    if not can_run(executors, task.runtime, task.isolation):
        return f"no executor offers {task.runtime} at {task.isolation}{_broken(executors, task.isolation)}"
    if task.due_in_s > 0:
        return f"its time, in {max(1, round(task.due_in_s))} s"
    return _limit(task) or _line(task)


def _limit(task: WaitingTask) -> str | None:
    if task.tenant_full_at is not None:
        return f"a running task of this tenant to end (at most {task.tenant_full_at} at once)"
    if task.lane_full_at is not None:
        return f"a running task of lane {task.lane} to end (at most {task.lane_full_at} at once)"
    if task.rate_spent_at is not None:
        return f"the rate of lane {task.lane}, {task.rate_spent_at:g} a second"
    return None


def _line(task: WaitingTask) -> str:
    if task.ahead >= COUNTED_AHEAD:
        return f"more than {COUNTED_AHEAD} tasks ahead"
    if task.ahead:
        return "1 task ahead" if task.ahead == 1 else f"{task.ahead} tasks ahead"
    return "a free executor"


def _broken(executors: list[ExecutorOffer], isolation: Isolation) -> str:
    """The first self-test that keeps an executor from it."""
    for offer in executors:
        for tier in offer.tiers:
            if tier.broken and satisfies(tier.isolation, isolation):
                return f": the self-test of {tier.isolation} fails on {offer.name} ({tier.broken[0].name})"
    return ""
