"""From how an attempt of the standing self-test ended to whether its tier may run programs."""

from dataclasses import replace
from typing import Any

import pytest

from cloche.contracts.limits import Limits
from cloche.contracts.words import Isolation
from cloche.executor.cell import StepFacts
from cloche.executor.engines.engine import SlotUsage, Tier
from cloche.executor.launcher.protocol import Done
from cloche.executor.standing.attempts import PREPARATIONS, ROUNDS, Attempt
from cloche.executor.standing.outcome import HELD, Outcome, outcome_of
from cloche.executor.standing.report import TierReport, as_tests

DONE = Done(
    exit_code=0,
    signal=-1,
    killed="none",
    killed_after_us=-1,
    exec_errno=0,
    wall_us=1000,
    cpu_us=1000,
    max_rss=0,
    memory_peak=-1,
    oom_kills=-1,
    sampled_peak=0,
    out_written=5,
    out_kept=5,
    err_written=0,
    err_kept=0,
)
DOOR = Attempt("door", "open the door")
CPU = Attempt("cpu", "use more CPU than allowed", limit="cpu_time_s")
ATTEMPTS = [attempt for what in ROUNDS for attempt in what.attempts]


def facts(**changed: Any) -> StepFacts:
    return StepFacts(replace(DONE, **changed), SlotUsage(), Limits())


def test_program_that_says_held_was_held() -> None:
    assert outcome_of(DOOR, facts(), b"held\n") == HELD


def test_program_that_got_through_breaks_the_defence_however_it_ended() -> None:
    said = b"broken: read /etc/shadow\n"
    expected = Outcome("broken", "A program could read /etc/shadow.")
    assert outcome_of(DOOR, facts(), said) == expected
    assert outcome_of(CPU, facts(killed="cpu", exit_code=-1, signal=9), said) == expected


def test_only_the_limit_that_is_tried_holds_by_ending_the_program() -> None:
    assert outcome_of(CPU, facts(killed="cpu", exit_code=-1, signal=9), b"") == HELD
    assert outcome_of(CPU, facts(killed="wall", exit_code=-1, signal=9), b"").word == "unclear"
    assert outcome_of(DOOR, facts(killed="cpu", exit_code=-1, signal=9), b"").word == "unclear"


@pytest.mark.parametrize("said", [b"", b"unable: a pipe: Too many open files\n", b"held"], ids=["mute", "unable", "3"])
def test_program_that_fails_proves_nothing(said: bytes) -> None:
    assert outcome_of(DOOR, facts(exit_code=3), said).word == "unclear"


def test_tier_is_healthy_only_when_each_test_held() -> None:
    tier = Tier("namespace", features=("seccomp",), lacking=("A wish.",))
    held = TierReport(tier, as_tests([(DOOR, HELD), (CPU, HELD)]), "2026-01-01T00:00:00.000000Z")
    assert (held.healthy, held.offer().held, held.offer().broken) == (True, 2, [])
    for outcome in (Outcome("broken", "A program could."), Outcome("unclear", "No.")):
        report = TierReport(tier, as_tests([(DOOR, HELD), (CPU, outcome)]))
        offer = report.offer()
        assert (offer.healthy, offer.held) == (False, 1)
        assert [(b.name, b.message) for b in offer.broken] == [("cpu", outcome.message)]


def test_tier_that_was_not_tested_is_not_healthy() -> None:
    assert not TierReport(Tier("namespace")).offer().healthy


def test_test_that_broke_once_stays_broken_whatever_it_did_elsewhere() -> None:
    broken = Outcome("broken", "It stayed.")
    for pairs in ([(DOOR, HELD), (DOOR, broken)], [(DOOR, broken), (DOOR, HELD)]):
        (test,) = as_tests(pairs)
        assert (test.held, test.message) == (False, "It stayed.")


@pytest.mark.parametrize("tier", ["process", "namespace", "container", "gvisor"])
def test_attempts_have_names_of_their_own_and_known_preparations(tier: Isolation) -> None:
    attempts = [attempt for attempt in ATTEMPTS if tier in attempt.tiers]
    names = [attempt.name for attempt in attempts]
    assert len(set(names)) == len(names) >= 14
    assert {attempt.after for attempt in attempts} - {""} <= set(PREPARATIONS)
