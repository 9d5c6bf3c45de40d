"""From what the kernel says about a step to a verdict, its evidence, and a sentence. Pure.

The order matters: a cancel before anything, then OOM kills, whatever the parent returned,
then our own recorded kills, then what the program did itself.
"""

import errno
import os
import signal
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from cloche.contracts.limits import MOST_TOTAL_S, Limits
from cloche.contracts.record import Evidence, LimitName, Usage
from cloche.contracts.words import Verdict
from cloche.executor.cell import StepFacts
from cloche.executor.engines.engine import SlotUsage

#: What the kernel sends for what a program does: bad memory, bad arithmetic, a forbidden call, a file too
#: large. A program can send them to itself, too, and wait(2) does not tell. Source: signal(7).
_FROM_KERNEL = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS, signal.SIGXFSZ}
)
#: What RLIMIT_CPU sends, which lies behind the limit for a launcher that does not get to run.
_FROM_CPU_LIMIT = frozenset({signal.SIGXCPU, signal.SIGKILL})

#: Errors of writing the program's files that mean that the disk limit is too small for them.
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENFILE})


KilledBy: TypeAlias = Literal["cloche", "kernel", "program"] | None


@dataclass(frozen=True)
class Judgement:
    """How a step ended. ``verdict`` is ``accepted`` when nothing went wrong; grading comes after."""

    verdict: Verdict
    message: str
    evidence: Evidence


def judge(facts: StepFacts) -> Judgement:
    """The verdict on one step, but for its output."""
    judged = _judged(facts)
    killed_by, after_us = _ender(facts)
    end = {"killed_by": killed_by, "killed_after_ms": None if after_us is None else after_us / 1000}
    return replace(judged, evidence=judged.evidence.model_copy(update=end))


def _judged(facts: StepFacts) -> Judgement:
    done = facts.done
    if done.killed == "cancel" and not facts.file_errno:
        return Judgement("cancelled", "Cancelled while it ran.", Evidence(source="cancel"))
    if facts.file_errno:
        return _files_refused(facts)
    ooms = oom_kills(facts)
    if ooms > 0 or done.killed == "memory" or (_peaked_unseen(facts) and done.killed == "none"):
        return judge_memory(facts.limits, usage(facts).peak_memory_bytes, ooms)
    return _limit_passed(facts) or _ended_itself(facts)


def _peaked_unseen(facts: StepFacts) -> bool:
    """Whether one process had more than all may, between two looks at them."""
    used = usage(facts)
    return used.memory_source == "sampled" and used.peak_memory_bytes > facts.limits.memory_bytes


def judge_memory(limits: Limits, peak_bytes: int, ooms: int) -> Judgement:
    """More memory than allowed; also for a cell whose launcher the kernel took with it."""
    message = f"Used more than {_bytes(limits.memory_bytes)} of memory."
    evidence = Evidence(
        source="limit",
        limit="memory_bytes",
        limit_value=limits.memory_bytes,
        measured=peak_bytes,
        killed_by="kernel" if ooms else "cloche",
        oom_kills=ooms,
    )
    return Judgement("memory_limit_exceeded", message, evidence)


def usage(facts: StepFacts) -> Usage:
    """What a step used, from the best source there is: the engine's cgroup, the cell's own, sampling."""
    done, outside = facts.done, facts.usage
    if outside.source == "cgroup":
        peak, source = outside.memory_peak_bytes, "cgroup"
    elif done.memory_peak >= 0:
        peak, source = done.memory_peak, "cgroup"
    else:
        peak, source = max(done.sampled_peak, done.max_rss), "sampled"
    return Usage(
        wall_time_ms=done.wall_us / 1000, cpu_time_ms=cpu_us(facts) / 1000, peak_memory_bytes=peak, memory_source=source
    )


def lost_usage(outside: SlotUsage) -> Usage:
    """What is known about a step whose launcher died."""
    return Usage(
        cpu_time_ms=(outside.cpu_us or 0) / 1000,
        peak_memory_bytes=outside.memory_peak_bytes,
        memory_source=outside.source,
    )


def cpu_us(facts: StepFacts) -> int:
    """CPU of the tree. The launcher knows it to the microsecond, unless children avoided being waited for."""
    return max(facts.done.cpu_us, facts.usage.cpu_us or 0)


def oom_kills(facts: StepFacts) -> int:
    """OOM kills in the cell, from outside or inside."""
    return max(facts.usage.oom_kills, facts.done.oom_kills, 0)


def _ender(facts: StepFacts) -> tuple[KilledBy, int | None]:
    """Who sent the signal that ended the step, and when, in us of wall time; nobody where it ended by itself."""
    done = facts.done
    ended_us = done.wall_us if done.signal >= 0 else None
    killed_us = done.killed_after_us if done.killed_after_us >= 0 else None
    if oom_kills(facts) > 0 and done.killed != "cancel":
        return "kernel", {"memory": killed_us, "none": ended_us}.get(done.killed)
    if killed_us is not None:  # what left too much output in the pipe may have ended before
        return "cloche", killed_us
    if done.signal < 0:
        return None, None
    by_kernel = done.signal in _FROM_KERNEL or (done.signal in _FROM_CPU_LIMIT and _used_its_cpu(facts))
    return "kernel" if by_kernel else "program", ended_us


def _used_its_cpu(facts: StepFacts) -> bool:
    return cpu_us(facts) / 1e6 > facts.limits.cpu_time_s


def _limit_passed(facts: StepFacts) -> Judgement | None:
    done, limits = facts.done, facts.limits
    if done.killed == "output":
        return judge_output(limits, max(done.out_written, done.err_written))
    if done.killed == "wall":
        seconds = limits.wall_time_s
        return _limit("time_limit_exceeded", "wall_time_s", seconds, done.wall_us / 1e6, f"{seconds:g} s of wall time")
    # SIGXCPU alone tells nothing: a program can send it to itself, or lower a limit of its own.
    if done.killed == "cpu" or _used_its_cpu(facts):
        seconds, used_s = limits.cpu_time_s, cpu_us(facts) / 1e6
        return _limit("time_limit_exceeded", "cpu_time_s", seconds, used_s, f"{seconds:g} s of CPU time")
    if done.signal == signal.SIGXFSZ:
        allowed = f"{_bytes(limits.file_bytes)} in one file"
        return _limit("runtime_error", "file_bytes", limits.file_bytes, None, allowed)
    return None


def judge_overrun(facts: StepFacts) -> Judgement | None:
    """The limit that a step passed by itself, also when it was we who ended it for something else; None: none."""
    ooms = oom_kills(facts)
    if ooms > 0 or facts.done.killed == "memory" or _peaked_unseen(facts):
        return judge_memory(facts.limits, usage(facts).peak_memory_bytes, ooms)
    return _limit_passed(facts)


def judge_output(limits: Limits, written: int) -> Judgement:
    """It wrote more than it may."""
    allowed = limits.output_bytes
    return _limit("output_limit_exceeded", "output_bytes", allowed, written, _bytes(allowed))


def judge_total(seconds: float) -> Judgement:
    """The cases so far took ``seconds`` of wall time, and no further one may begin."""
    allowed = f"{MOST_TOTAL_S:g} s of wall time for all cases together"
    return _limit("time_limit_exceeded", "total_time_s", MOST_TOTAL_S, seconds, allowed)


def _ended_itself(facts: StepFacts) -> Judgement:
    done = facts.done
    if done.exec_errno:
        reason = os.strerror(done.exec_errno)
        return Judgement(
            "runtime_error",
            f"The program could not be started: {reason}.",
            Evidence(source="exit", detail=f"exec: {errno.errorcode.get(done.exec_errno, str(done.exec_errno))}"),
        )
    if done.signal >= 0:
        name = _signal_name(done.signal)
        return Judgement("runtime_error", f"Ended by signal {name}.", Evidence(source="signal", detail=name))
    if done.exit_code != 0:
        return Judgement("runtime_error", f"Exited with status {done.exit_code}.", Evidence(source="exit"))
    return Judgement("accepted", "Exited with status 0.", Evidence(source="exit"))


def _files_refused(facts: StepFacts) -> Judgement:
    if facts.file_errno in _DISK_FULL:
        allowed = _bytes(facts.limits.disk_bytes)
        return _limit(
            "runtime_error", "disk_bytes", facts.limits.disk_bytes, None, f"{allowed} of disk for the program's files"
        )
    reason = os.strerror(facts.file_errno)
    return Judgement(
        "runtime_error",
        f"The program's files could not be written: {reason}.",
        Evidence(source="exit", detail=f"files: {errno.errorcode.get(facts.file_errno, str(facts.file_errno))}"),
    )


def _limit(verdict: Verdict, limit: LimitName, value: float, measured: float | None, allowed: str) -> Judgement:
    evidence = Evidence(source="limit", limit=limit, limit_value=value, measured=measured)
    return Judgement(verdict, f"Stopped: more than {allowed}.", evidence)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"
