"""A storm can be repeated, meets everything, and leaves what it hurt the time to come back."""

from itertools import pairwise

import pytest

from .plan import APART_S, HOPS, KINDS, LEASE_S, SERVICES, STORES, WITHOUT_ROOT, Fault, make_plan


def test_same_seed_gives_the_same_plan_and_another_seed_another():
    assert make_plan(7, 200) == make_plan(7, 200)
    assert make_plan(7, 200) != make_plan(8, 200)


def test_longer_storm_is_more_of_the_same():
    over = [fault for fault in make_plan(7, 2000) if fault.at_s + fault.for_s <= 300]
    assert make_plan(7, 300) == over


@pytest.mark.parametrize("seed", range(20))
def test_each_kind_is_among_the_first_ten_faults(seed: int):
    assert {fault.what for fault in make_plan(seed, 200)[:10]} == set(KINDS)


def test_long_storm_kills_and_freezes_every_part_and_hurts_every_way():
    plan = make_plan(1, 1000)
    for what in ("kill", "freeze"):
        assert {fault.whom for fault in plan if fault.what == what} == {*SERVICES, *STORES}
    for what in ("drop", "half-close", "stall"):
        assert {fault.whom for fault in plan if fault.what == what} == set(HOPS)
    assert any(fault.what == "freeze" and fault.for_s > LEASE_S for fault in plan)


def test_without_root_no_disk_is_filled():
    assert {fault.what for fault in make_plan(1, 500, WITHOUT_ROOT)} == set(KINDS) - {"fill"}


@pytest.mark.parametrize("seed", range(20))
def test_part_is_hurt_by_one_thing_at_a_time(seed: int):
    plan = make_plan(seed, 500)
    for whom in {fault.whom for fault in plan}:
        for earlier, later in pairwise(fault for fault in plan if fault.whom == whom):
            assert later.at_s > earlier.at_s + earlier.for_s


@pytest.mark.parametrize("seed", range(20))
def test_programs_are_ended_rarely_enough_to_get_through(seed: int):
    ending = [fault for fault in make_plan(seed, 500) if fault.ends_runs]
    assert ending
    assert all(later.at_s >= _end(earlier) + APART_S for earlier, later in pairwise(ending))


def _end(fault: Fault) -> float:
    return fault.at_s + fault.for_s
