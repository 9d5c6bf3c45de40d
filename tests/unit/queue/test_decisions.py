"""The queue's pure decisions: retry, grace, capability, cursors, words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.contracts.execution import BrokenDefence, ExecutorOffer, RuntimeOffer, TierOffer
from cloche.kit.errors import InvalidRequestError
from cloche.kit.ids import uuid7
from cloche.queue.capability import can_run, rank, strongest_by_wanted, wanted_names
from cloche.queue.cursor import read_commit_cursor, read_time_cursor, write_commit_cursor, write_time_cursor
from cloche.queue.grace import Grace
from cloche.queue.retry import BlameProgram, Fault, GiveUp, History, Requeue, after_fault, backoff
from cloche.queue.waiting import WaitingTask, waiting_for

words = st.text("ab.1@", max_size=6)
isolations = st.sampled_from(["process", "namespace", "container", "gvisor", "vm"])
runtimes = st.builds(RuntimeOffer, name=words, version=words, aliases=st.lists(words, max_size=2))
offers = st.builds(
    ExecutorOffer,
    name=words,
    engine=st.just("local"),
    isolation=isolations,
    slots=st.just(1),
    busy=st.just(0),
    healthy=st.booleans(),
    runtimes=st.lists(runtimes, max_size=3),
)


def offer(**changes) -> ExecutorOffer:
    python = RuntimeOffer(name="python", version="3.12.1", aliases=["py"])
    values = {"name": "e", "engine": "local", "isolation": "namespace", "slots": 1, "busy": 0, "healthy": True}
    return ExecutorOffer(**{**values, "runtimes": [python], **changes})


@given(runtimes, words)
def test_wanted_names_are_exactly_what_a_runtime_answers_to(runtime, wanted):
    assert (wanted in wanted_names(runtime)) == runtime.answers_to(wanted)


@given(st.lists(offers, max_size=3), words, isolations)
def test_the_statement_leases_exactly_what_can_run(executors, wanted, isolation):
    strongest = strongest_by_wanted(executors)
    assert (strongest.get(wanted, -1) >= rank(isolation)) == can_run(executors, wanted, isolation)


@given(st.lists(st.tuples(st.sampled_from(["cell_lost", "engine_error", "worker_lost"]), st.booleans())))
def test_started_faults_are_bounded_and_others_are_not(faults):
    started = cells = 0
    for attempt, (reason, has_started) in enumerate(faults, start=1):
        fault = Fault(reason, has_started)
        decision = after_fault(History(attempt, started, cells), fault, 0.5)
        started += has_started
        cells += has_started and reason == "cell_lost"
        if cells == 2 and has_started and reason == "cell_lost":
            assert isinstance(decision, BlameProgram)
            return
        if started == 3:
            assert isinstance(decision, GiveUp)
            return
        assert isinstance(decision, Requeue)


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_backoff_grows_and_is_bounded(attempt, spread):
    assert timedelta(seconds=0.25) <= backoff(attempt, spread) <= timedelta(seconds=45)
    assert backoff(attempt, spread) <= backoff(attempt + 1, spread)


def test_the_reaper_waits_one_lease_time_after_its_start():
    grace = Grace(30, started_at=100)
    assert [grace.passed(float(t)) for t in range(101, 133)] == [False] * 29 + [True] * 3


def test_the_reaper_waits_one_lease_time_after_an_outage():
    grace = Grace(30, started_at=0)
    for second in range(1, 41):
        grace.passed(float(second))
    assert grace.passed(45.0)
    assert not grace.passed(50.1)
    assert [grace.passed(50.1 + t) for t in range(1, 32)] == [False] * 29 + [True] * 2


@given(st.integers(0, 2**63 - 1), st.uuids())
def test_a_commit_cursor_comes_back(tx, evaluation_id):
    assert read_commit_cursor(write_commit_cursor(tx, evaluation_id)) == (tx, evaluation_id)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_time_cursor_comes_back(moment, evaluation_id):
    assert read_time_cursor(write_time_cursor(moment, evaluation_id)) == (moment, evaluation_id)


@given(st.text(min_size=1))
def test_any_other_text_is_no_cursor(text):
    for read in (read_commit_cursor, read_time_cursor):
        with pytest.raises(InvalidRequestError):
            read(text)


def test_the_cursor_of_one_list_is_none_of_another():
    with pytest.raises(InvalidRequestError):
        read_commit_cursor(write_time_cursor(datetime.now(UTC), uuid7()))
    with pytest.raises(InvalidRequestError):
        read_time_cursor(write_commit_cursor(1, uuid7()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"paused": True, "runtime": "java@21"}, "lane interactive is paused"),
        ({"runtime": "java@21", "isolation": "gvisor"}, "no executor offers java@21 at gvisor"),
        ({"isolation": "container"}, "no executor offers python at container"),
        ({"due_in_s": 3.4}, "its time, in 3 s"),
        ({"tenant_full_at": 2, "ahead": 1}, "a running task of this tenant to end (at most 2 at once)"),
        ({"lane_full_at": 3}, "a running task of lane interactive to end (at most 3 at once)"),
        ({"rate_spent_at": 0.5}, "the rate of lane interactive, 0.5 a second"),
        ({"ahead": 1}, "1 task ahead"),
        ({"ahead": 3}, "3 tasks ahead"),
        ({"ahead": 10_000}, "more than 10000 tasks ahead"),
        ({}, "a free executor"),
    ],
)
def test_waiting_is_explained(changes, words):
    task = {"lane": "interactive", "runtime": "python", "isolation": "namespace", "paused": False, "due_in_s": -1.0}
    assert waiting_for(WaitingTask(**{**task, "ahead": 0, **changes}), [offer()]) == words


def test_waiting_names_the_self_test_that_keeps_an_executor_from_it():
    broken = BrokenDefence(name="kill_everything", message="it got out")
    tier = TierOffer(isolation="namespace", healthy=False, broken=[broken])
    task = WaitingTask("interactive", "python", "namespace", paused=False, due_in_s=-1.0, ahead=0)
    assert waiting_for(task, [offer(healthy=False, tiers=[tier])]) == (
        "no executor offers python at namespace: the self-test of namespace fails on e (kill_everything)"
    )
