"""From the kernel's words to a verdict."""

import errno
import signal
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.contracts.limits import Limits
from cloche.contracts.record import Evidence
from cloche.executor.cell import StepFacts
from cloche.executor.engines.engine import SlotUsage
from cloche.executor.launcher.protocol import Done, KilledBy
from cloche.executor.verdict import judge, usage

QUIET = Done(0, -1, "none", -1, 0, 1000, 900, 1_000_000, -1, -1, 0, 0, 0, 0, 0)


def facts(outside: SlotUsage | None = None, file_errno: int = 0, **changed: int | str) -> StepFacts:
    done = replace(QUIET, **changed)  # pyright: ignore[reportArgumentType]  (fields by name)
    return StepFacts(done, outside or SlotUsage(), Limits(), file_errno)


def test_exit_status_zero_is_accepted() -> None:
    assert judge(facts()).verdict == "accepted"


@pytest.mark.parametrize("code", [1, 2, 124, 125, 126, 127, 137, 139, 143, 255])
def test_any_other_exit_status_is_a_runtime_error_whatever_it_pretends(code: int) -> None:
    judged = judge(facts(exit_code=code))
    assert (judged.verdict, judged.message) == ("runtime_error", f"Exited with status {code}.")
    assert judged.evidence == Evidence(source="exit")


@pytest.mark.parametrize(
    ("killed", "verdict", "limit"),
    [
        ("wall", "time_limit_exceeded", "wall_time_s"),
        ("cpu", "time_limit_exceeded", "cpu_time_s"),
        ("memory", "memory_limit_exceeded", "memory_bytes"),
        ("output", "output_limit_exceeded", "output_bytes"),
    ],
)
def test_our_own_kill_names_its_limit(killed: KilledBy, verdict: str, limit: str) -> None:
    judged = judge(facts(exit_code=-1, signal=9, killed=killed, killed_after_us=1_500, wall_us=9_000))
    assert (judged.verdict, judged.evidence.limit, judged.evidence.killed_by) == (verdict, limit, "cloche")
    assert judged.evidence.limit_value == getattr(Limits(), limit)
    assert judged.evidence.measured is not None
    assert judged.evidence.killed_after_ms == 1.5


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT", "SIGINT", "SIGPIPE", "SIGXCPU", "SIGSTOP"])
def test_signal_that_is_neither_ours_nor_the_kernels_is_the_programs_own_doing(name: str) -> None:
    judged = judge(facts(exit_code=-1, signal=signal.Signals[name], wall_us=2_000))
    evidence = Evidence(source="signal", killed_by="program", killed_after_ms=2.0, detail=name)
    assert (judged.verdict, judged.evidence) == ("runtime_error", evidence)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS"])
def test_signal_for_what_a_program_did_is_the_kernels(name: str) -> None:
    judged = judge(facts(exit_code=-1, signal=signal.Signals[name], wall_us=2_000))
    evidence = Evidence(source="signal", killed_by="kernel", killed_after_ms=2.0, detail=name)
    assert (judged.verdict, judged.evidence) == ("runtime_error", evidence)


def test_too_much_output_of_what_had_ended_by_itself_was_ended_by_nobody() -> None:
    judged = judge(facts(killed="output", out_written=2_000_000))
    assert (judged.verdict, judged.evidence.limit) == ("output_limit_exceeded", "output_bytes")
    assert (judged.evidence.killed_by, judged.evidence.killed_after_ms) == (None, None)
    crashed = judge(facts(exit_code=-1, signal=signal.SIGSEGV, killed="output", out_written=2_000_000, wall_us=5_000))
    assert (crashed.evidence.killed_by, crashed.evidence.killed_after_ms) == ("kernel", 5.0)


def test_our_own_kill_stays_ours_whichever_signal_the_program_then_died_of() -> None:
    judged = judge(facts(exit_code=-1, signal=signal.SIGSEGV, killed="wall", killed_after_us=7_000))
    assert (judged.evidence.limit, judged.evidence.killed_by) == ("wall_time_s", "cloche")


@given(st.integers(0, 255), st.sampled_from(["none", "wall", "cpu", "output"]), st.integers(1, 9))
def test_oom_kill_decides_whatever_the_parent_did(code: int, killed: str, ooms: int) -> None:
    outside = SlotUsage(memory_peak_bytes=7, oom_kills=ooms, source="cgroup")
    judged = judge(facts(outside, exit_code=code, killed=killed))
    assert judged.verdict == "memory_limit_exceeded"
    assert (judged.evidence.oom_kills, judged.evidence.killed_by) == (ooms, "kernel")
    assert judge(facts(exit_code=code, killed=killed, oom_kills=ooms)).verdict == "memory_limit_exceeded"


def test_time_of_an_oom_kill_is_told_where_it_is_known() -> None:
    seen = judge(facts(exit_code=-1, signal=9, killed="memory", killed_after_us=3_000, oom_kills=1))
    assert (seen.evidence.killed_by, seen.evidence.killed_after_ms) == ("kernel", 3.0)
    alone = judge(facts(exit_code=-1, signal=9, wall_us=4_000, oom_kills=1))
    assert (alone.evidence.killed_by, alone.evidence.killed_after_ms) == ("kernel", 4.0)
    in_a_child = judge(facts(exit_code=0, oom_kills=1))
    assert (in_a_child.evidence.killed_by, in_a_child.evidence.killed_after_ms) == ("kernel", None)


def test_memory_that_was_only_sampled_is_stopped_by_us() -> None:
    judged = judge(facts(exit_code=-1, signal=9, killed="memory", killed_after_us=3_000, sampled_peak=300_000_000))
    assert (judged.evidence.killed_by, judged.evidence.measured) == ("cloche", 300_000_000)


def test_cpu_limit_holds_for_time_that_only_the_cgroup_saw() -> None:
    judged = judge(facts(SlotUsage(cpu_us=11_000_000, source="cgroup")))
    assert (judged.verdict, judged.evidence.limit) == ("time_limit_exceeded", "cpu_time_s")
    assert (judged.evidence.measured, judged.evidence.killed_by) == (11.0, None)


@pytest.mark.parametrize("name", ["SIGXCPU", "SIGKILL"])
def test_cpu_limit_of_the_kernel_counts_where_the_time_was_used(name: str) -> None:
    judged = judge(facts(exit_code=-1, signal=signal.Signals[name], cpu_us=10_900_000))
    assert (judged.verdict, judged.evidence.limit) == ("time_limit_exceeded", "cpu_time_s")
    assert judged.evidence.killed_by == "kernel"


def test_file_that_grew_too_large_names_its_limit() -> None:
    judged = judge(facts(exit_code=-1, signal=signal.SIGXFSZ))
    assert (judged.verdict, judged.evidence.limit) == ("runtime_error", "file_bytes")
    assert (judged.evidence.limit_value, judged.evidence.killed_by) == (Limits().file_bytes, "kernel")


def test_cancel_is_cancelled_even_after_an_oom_kill() -> None:
    outside = SlotUsage(oom_kills=1, source="cgroup")
    assert judge(facts(outside, exit_code=-1, signal=9, killed="cancel")).verdict == "cancelled"


def test_program_that_can_not_start_is_a_runtime_error() -> None:
    judged = judge(facts(exit_code=-1, exec_errno=errno.ENOENT))
    assert (judged.verdict, judged.evidence.detail) == ("runtime_error", "exec: ENOENT")


def test_files_that_do_not_fit_name_the_disk_limit() -> None:
    judged = judge(facts(file_errno=errno.ENOSPC, killed="cancel"))
    assert (judged.verdict, judged.evidence.limit) == ("runtime_error", "disk_bytes")
    assert judge(facts(file_errno=errno.EINVAL, killed="cancel")).verdict == "runtime_error"


def test_peak_memory_comes_from_the_best_source() -> None:
    outside = SlotUsage(memory_peak_bytes=5, source="cgroup")
    assert usage(facts(outside, memory_peak=6, sampled_peak=7)).peak_memory_bytes == 5
    assert usage(facts(memory_peak=6, sampled_peak=7)).peak_memory_bytes == 6
    sampled = usage(facts(sampled_peak=7_000_000))
    assert (sampled.peak_memory_bytes, sampled.memory_source) == (7_000_000, "sampled")


@given(
    st.integers(-1, 255),
    st.integers(-1, 64),
    st.sampled_from(["none", "wall", "cpu", "memory", "output", "cancel"]),
    st.integers(0, 133),
    st.integers(0, 10**9),
    st.integers(-1, 3),
)
def test_every_ending_has_a_verdict_and_a_sentence(
    exit_code: int, number: int, killed: str, exec_errno: int, cpu_us: int, ooms: int
) -> None:
    judged = judge(
        facts(exit_code=exit_code, signal=number, killed=killed, exec_errno=exec_errno, cpu_us=cpu_us, oom_kills=ooms)
    )
    assert judged.verdict not in {"wrong_answer", "compile_error", "internal_error"}
    assert judged.message.endswith(".")
    assert Evidence.model_validate_json(judged.evidence.model_dump_json()) == judged.evidence
    if judged.verdict == "accepted":
        assert (exit_code, killed, exec_errno, max(ooms, 0)) == (0, "none", 0, 0)
