import pytest

from cloche.dockerproxy.policy import ContainerId
from cloche.dockerproxy.registry import FIRST_UID, UIDS, Registry
from cloche.kit.errors import NotFoundError, OverloadedError


def make(number: int) -> ContainerId:
    return ContainerId(f"{number:064x}")


def test_only_what_was_added_exists() -> None:
    registry = Registry(max_containers=2, creates_per_s=1)
    registry.add(make(1), 50_000)
    assert registry.check(make(1)) == make(1)
    with pytest.raises(NotFoundError):
        registry.check(make(2))
    registry.forget(make(1))
    with pytest.raises(NotFoundError):
        registry.check(make(1))


def test_no_more_than_allowed_exist_at_once_counting_those_being_made() -> None:
    registry = Registry(max_containers=2, creates_per_s=1000)
    registry.add(make(1), 50_000)
    with registry.reserve(), pytest.raises(OverloadedError), registry.reserve():
        pass
    with registry.reserve():
        pass


def test_containers_are_not_made_faster_than_allowed() -> None:
    registry = Registry(max_containers=3, creates_per_s=0.001)
    for _ in range(3):
        with registry.reserve():
            pass
    with pytest.raises(OverloadedError), registry.reserve():
        pass


def test_no_two_containers_share_a_user_and_none_gets_one_back_soon() -> None:
    registry = Registry(max_containers=UIDS, creates_per_s=1e9)
    seen: list[int] = []
    for number in range(1000):
        with registry.reserve() as uid:
            registry.add(make(number), uid)
        seen.append(uid)
        if number % 2:
            registry.forget(make(number))
    assert len(set(seen)) == len(seen)
    assert all(FIRST_UID <= uid < FIRST_UID + UIDS for uid in seen)
