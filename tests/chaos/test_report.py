"""The report of a storm sees each way in which a verdict can go wrong, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from .load import Followed
from .report import PROMPT_S, Report, Stored, evidence, judge
from .watching import LINES, Seen

RECOVERED_AT = 100.0
ZERO, SEVEN, OTHER = (f"{number:016x}" for number in (0, 7, 15))


def output(token: str = ZERO, lines: int = LINES) -> str:
    return "".join(f"{token} {line}\n" for line in range(lines))


def good_row() -> Stored:
    return Stored("1", "key", "accepted", records=1, exit_code=0, committed=("accepted",), faults=0, output=output())


def good_reader() -> Followed:
    seen = Seen(output={"stdout": output()}, verdicts=["accepted"])
    return Followed("key", id="1", accepted_at=50.0, told_at=60.0, seen=seen)


def judged(
    row: Callable[[Stored], Stored] = lambda row: row,
    reader: Callable[[Followed], object] = lambda reader: None,
    listed: str = "accepted",
) -> Report:
    one = good_reader()
    reader(one)
    return judge([one], [row(good_row())], {"1": listed}, RECOVERED_AT)


def test_good_evaluation_breaks_nothing():
    report = judged()
    assert (report.accepted, report.stored, report.broken) == (["key"], ["key"], {})


def test_evidence_of_what_is_broken_can_be_written():
    one = good_reader()
    one.seen.statuses[200] = 2
    report = judge([one], [], {}, RECOVERED_AT)
    assert list(json.loads(json.dumps(evidence(report, [one], [])))) == ["key"]


def test_submission_that_was_never_accepted_is_not_judged():
    report = judge([Followed("key")], [], {}, RECOVERED_AT)
    assert report == Report()


@pytest.mark.parametrize("row", [lambda row: replace(row, verdict=None), lambda row: replace(row, records=0)])
def test_accepted_without_a_stored_verdict_is_lost(row: Callable[[Stored], Stored]):
    assert judged(row=row).broken == {"lost": ["key"]}


def test_accepted_without_a_row_is_lost():
    assert judge([good_reader()], [], {}, RECOVERED_AT).broken == {"lost": ["key"]}


@pytest.mark.parametrize(
    "row", [lambda row: replace(row, records=2), lambda row: replace(row, committed=("accepted", "accepted"))]
)
def test_two_terminal_records_are_doubled(row: Callable[[Stored], Stored]):
    assert judged(row=row).broken == {"doubled": ["key"]}


def test_two_evaluations_of_one_key_are_doubled():
    rows = [good_row(), replace(good_row(), id="2")]
    assert judge([good_reader()], rows, {}, RECOVERED_AT).broken == {"doubled": ["key"]}


def test_reader_that_is_told_two_verdicts_is_doubled():
    assert judged(reader=lambda one: one.seen.verdicts.append("accepted")).broken == {"doubled": ["key"]}


def test_two_tokens_in_the_stored_output_are_mixed():
    halves = output(ZERO, LINES // 2) + "".join(f"{SEVEN} {line}\n" for line in range(LINES // 2, LINES))

    def see(one: Followed) -> None:
        one.seen.output["stdout"] = halves

    assert judged(row=lambda row: replace(row, output=halves), reader=see).broken == {"mixed": ["key"]}


def test_token_that_only_a_reader_saw_is_mixed():
    def see(one: Followed) -> None:
        one.seen.output["stdout"] = output(SEVEN)

    assert "mixed" in judged(reader=see).broken


def test_exit_status_of_another_attempt_is_mixed():
    status = int(OTHER, 16) % 7
    assert judged(row=lambda row: replace(row, exit_code=status)).broken == {"mixed": ["key"]}


def test_verdict_of_another_attempt_is_mixed():
    def be_told(one: Followed) -> None:
        one.seen.verdicts[:] = ["runtime_error"]

    report = judged(
        row=lambda row: replace(row, verdict="runtime_error", committed=("runtime_error",)),
        reader=be_told,
        listed="runtime_error",
    )
    assert report.broken == {"mixed": ["key"]}


def test_reader_that_was_told_another_verdict_is_changed():
    def be_told(one: Followed) -> None:
        one.seen.verdicts[:] = ["runtime_error"]

    assert judged(reader=be_told).broken == {"changed": ["key"]}


def test_second_reader_with_another_verdict_is_changed():
    assert judged(listed="runtime_error").broken == {"changed": ["key"]}


def test_verdict_that_the_queue_did_not_commit_is_changed():
    assert judged(row=lambda row: replace(row, committed=("cancelled",))).broken == {"changed": ["key"]}


@pytest.mark.parametrize("told_at", [None, RECOVERED_AT + PROMPT_S + 1])
def test_verdict_that_no_reader_has_in_time_is_stuck(told_at: float | None):
    def be_told(one: Followed) -> None:
        one.told_at = told_at

    assert judged(reader=be_told).broken == {"stuck": ["key"]}


def test_time_begins_when_the_platform_has_recovered_or_the_submission_is_accepted():
    def be_accepted_late(one: Followed) -> None:
        one.accepted_at, one.told_at = 200.0, 200.0 + PROMPT_S

    assert judged(reader=be_accepted_late).broken == {}


def test_stored_output_with_a_line_missing_is_torn():
    cut = output(lines=LINES - 1)

    def see(one: Followed) -> None:
        one.seen.output["stdout"] = cut

    assert judged(row=lambda row: replace(row, output=cut), reader=see).broken == {"torn": ["key"]}


def test_reader_with_less_than_what_is_stored_is_torn_unless_it_was_told_of_a_gap():
    def see_less(one: Followed) -> None:
        one.seen.output["stdout"] = output(lines=3)

    def see_a_gap(one: Followed) -> None:
        see_less(one)
        one.seen.gaps = 1

    assert judged(reader=see_less).broken == {"torn": ["key"]}
    assert judged(reader=see_a_gap).broken == {}


@pytest.mark.parametrize(("faults", "group"), [(0, "innocent"), (2, "innocent"), (3, "given_up")])
def test_internal_error_is_innocent_before_three_lost_attempts(faults: int, group: str):
    def be_told(one: Followed) -> None:
        one.seen.verdicts[:] = ["internal_error"]

    def fail(row: Stored) -> Stored:
        return replace(
            row, verdict="internal_error", committed=("internal_error",), faults=faults, output="", exit_code=None
        )

    report = judged(row=fail, reader=be_told, listed="internal_error")
    assert getattr(report, group) == ["key"]
    assert set(report.broken) == ({"innocent"} if group == "innocent" else set())
