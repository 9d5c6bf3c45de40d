from dataclasses import replace

import pytest

from cloche.dockerproxy.policy import ContainerId
from cloche.dockerproxy.registry import FIRST_UID, UIDS, Caps, Registry, Share
from cloche.kit.errors import NoRoomError, NotFoundError, OverloadedError


def make(number: int) -> ContainerId:
    return ContainerId(f"{number:064x}")


CAPS = Caps(containers=3, creates_per_s=1000, memory_bytes=1 << 40, cpus_milli=1 << 30, attachments=2)
SHARE = Share(50_000, 1 << 20, 1000)


def test_only_what_was_added_exists() -> None:
    registry = Registry(CAPS)
    registry.add(make(1), SHARE)
    assert registry.check(make(1)) == make(1)
    with pytest.raises(NotFoundError):
        registry.check(make(2))
    registry.forget(make(1))
    with pytest.raises(NotFoundError):
        registry.check(make(1))


def test_no_more_than_allowed_exist_at_once_counting_those_being_made() -> None:
    registry = Registry(replace(CAPS, containers=2))
    registry.add(make(1), SHARE)
    with registry.reserve(1 << 20, 1000), pytest.raises(NoRoomError), registry.reserve(1 << 20, 1000):
        pass
    with registry.reserve(1 << 20, 1000):
        pass


def test_containers_are_not_made_faster_than_allowed() -> None:
    registry = Registry(replace(CAPS, creates_per_s=0.001))
    for _ in range(3):
        with registry.reserve(1 << 20, 1000):
            pass
    with pytest.raises(OverloadedError) as refused, registry.reserve(1 << 20, 1000):
        pass
    assert not isinstance(refused.value, NoRoomError)


def test_no_two_containers_share_a_user_and_none_gets_one_back_soon() -> None:
    registry = Registry(replace(CAPS, containers=UIDS, creates_per_s=1e9))
    seen: list[int] = []
    for number in range(1000):
        with registry.reserve(1 << 20, 1000) as share:
            registry.add(make(number), share)
        seen.append(share.uid)
        if number % 2:
            registry.forget(make(number))
    assert len(set(seen)) == len(seen)
    assert all(FIRST_UID <= uid < FIRST_UID + UIDS for uid in seen)


@pytest.mark.parametrize("caps", [replace(CAPS, memory_bytes=5 << 20), replace(CAPS, cpus_milli=5000)])
def test_memory_and_cpu_are_given_away_only_once(caps: Caps) -> None:
    registry = Registry(caps)
    registry.add(make(1), Share(50_000, 3 << 20, 3000))
    with registry.reserve(2 << 20, 2000), pytest.raises(NoRoomError), registry.reserve(1, 1):
        pass
    registry.forget(make(1))
    with registry.reserve(5 << 20, 5000):
        pass


def test_no_more_attachments_than_allowed_are_open() -> None:
    registry = Registry(CAPS)
    registry.add(make(1), SHARE)
    with registry.attach(make(1)), registry.attach(make(1)):
        assert registry.attachments == 2
        with pytest.raises(NoRoomError), registry.attach(make(1)):
            pass
    with registry.attach(make(1)) as gone:
        assert registry.attachments == 1
        assert not gone.is_set()
        registry.forget(make(1))
        assert gone.is_set()
    with pytest.raises(NotFoundError), registry.attach(make(1)):
        pass


def test_what_is_doubted_counts_until_it_is_settled() -> None:
    registry = Registry(CAPS)
    with registry.reserve(1 << 20, 1000) as share:
        registry.doubt(share)
        assert len(registry) == 1
    assert (len(registry), registry.memory_bytes, registry.cpus_milli) == (1, 1 << 20, 1000)
    registry.settle(set(), before=0)
    registry.settle({share.uid}, before=float("inf"))
    assert len(registry) == 1
    registry.settle(set(), before=float("inf"))
    assert len(registry) == 0
