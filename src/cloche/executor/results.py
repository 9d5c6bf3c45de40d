"""Step facts and outcomes as the wire's results. Pure."""

from base64 import b64encode
from dataclasses import dataclass, replace

from cloche.contracts.limits import Limits
from cloche.contracts.record import CaseResult, CompileResult, Evidence, Span, Usage
from cloche.contracts.submission import Case
from cloche.contracts.values import as_message
from cloche.executor.cell import CellLostError, StepFacts
from cloche.executor.grading import Grade
from cloche.executor.verdict import Judgement, judge, judge_memory, judge_total, lost_usage, usage


@dataclass(frozen=True)
class Outcome:
    """What one process tree came to."""

    judgement: Judgement
    usage: Usage
    exit_code: int | None = None
    signal: int | None = None
    out_written: int = 0
    err_written: int = 0
    #: Of a case that is partly right; else its verdict tells.
    score: float | None = None


def outcome_of(facts: StepFacts) -> Outcome:
    """A finished step, ungraded."""
    done = facts.done
    return Outcome(
        judge(facts), usage(facts), _present(done.exit_code), _present(done.signal), done.out_written, done.err_written
    )


def outcome_lost_to_memory(lost: CellLostError, limits: Limits) -> Outcome:
    """A step whose OOM kill took the launcher too."""
    ooms = lost.usage.oom_kills
    return Outcome(judge_memory(limits, lost.usage.memory_peak_bytes, ooms), lost_usage(lost.usage))


def cancelled() -> Outcome:
    """A step that was not begun, because the run was cancelled."""
    return Outcome(Judgement("cancelled", "Cancelled before it ran.", Evidence(source="cancel")), Usage())


def out_of_time(seconds: float) -> Outcome:
    """A case that was not begun, because those before took ``seconds`` together."""
    return Outcome(judge_total(seconds), Usage())


def graded(outcome: Outcome, grade: Grade) -> Outcome:
    """The outcome once its output was compared."""
    if grade.matches:
        return outcome
    difference = as_message(grade.difference)
    evidence = Evidence(source="output", detail=difference)
    judged = Judgement("wrong_answer", as_message(f"Wrong output: {difference}."), evidence)
    return replace(outcome, judgement=judged, score=grade.score or 0.0)


def as_compile_error(outcome: Outcome) -> Outcome:
    """What stopped the compiler is the program's compile error, whichever limit or status it was."""
    judged = outcome.judgement
    if judged.verdict in {"accepted", "cancelled"}:
        return outcome
    evidence = judged.evidence
    if evidence.source != "limit":
        evidence = evidence.model_copy(update={"source": "compile"})
    message = "It does not compile." if evidence.source == "compile" else f"The compiler was stopped. {judged.message}"
    return replace(outcome, judgement=Judgement("compile_error", message, evidence))


def compile_result(outcome: Outcome, said: bytes) -> CompileResult:
    """``said`` is what was kept of the compiler's output."""
    written = outcome.out_written + outcome.err_written
    return CompileResult(
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        output=b64encode(said).decode("ascii"),
        output_bytes=written,
        truncated=written > len(said),
        usage=outcome.usage,
    )


def case_result(index: int, case: Case, outcome: Outcome, stdout: Span, stderr: Span) -> CaseResult:
    """A case that ran."""
    judged = outcome.judgement
    return CaseResult(
        index=index,
        name=case.name,
        verdict=judged.verdict,
        message=judged.message,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        usage=outcome.usage,
        stdout=stdout,
        stderr=stderr,
        evidence=judged.evidence,
        score=float(judged.verdict == "accepted") if outcome.score is None else outcome.score,
    )


def total_score(cases: list[Case], results: list[CaseResult]) -> float | None:
    """The points of what is right, from 0 to 1; a case that did not run has none."""
    whole = sum(case.points for case in cases)
    if not results or whole == 0:
        return None
    return min(
        1.0, sum(case.points * (result.score or 0.0) for case, result in zip(cases, results, strict=True)) / whole
    )


def skipped(index: int, case: Case) -> CaseResult:
    """A case that did not run, because what came before made it pointless."""
    return CaseResult(index=index, name=case.name, verdict=None, message="Not run.")


def total_usage(cases: list[CaseResult]) -> Usage:
    """Wall and CPU time summed, the largest peak."""
    ran = [case.usage for case in cases if case.verdict is not None]
    if not ran:
        return Usage()
    largest = max(ran, key=lambda used: used.peak_memory_bytes)
    return Usage(
        wall_time_ms=sum(used.wall_time_ms for used in ran),
        cpu_time_ms=sum(used.cpu_time_ms for used in ran),
        peak_memory_bytes=largest.peak_memory_bytes,
        memory_source=largest.memory_source,
    )


def _present(number: int) -> int | None:
    return None if number < 0 else number
