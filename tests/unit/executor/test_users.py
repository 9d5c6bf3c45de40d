"""Users for cells: no two cells have one in common, whichever executor made them."""

import secrets
from collections.abc import Iterator

import pytest

from cloche.executor.engines.engine import EngineError
from cloche.executor.engines.local.plan import CellUsers
from cloche.executor.engines.local.users import SlotUsers


@pytest.fixture
def numbers() -> range:
    first = 3_000_000_000 + secrets.randbelow(1 << 20) * 1024
    return range(first, first + 300)


@pytest.fixture
def executors(numbers: range) -> Iterator[tuple[SlotUsers, SlotUsers]]:
    pair = SlotUsers(numbers), SlotUsers(numbers)
    yield pair
    for each in pair:
        each.close()


def _numbers(taken: list[CellUsers]) -> set[int]:
    return {number for users in taken for number in (users.launcher, users.program)}


def _take(users: SlotUsers, count: int) -> list[CellUsers]:
    taken = [users.take() for _ in range(count)]
    return [each for each in taken if each is not None]


def test_launchers_and_programs_of_all_executors_differ(executors: tuple[SlotUsers, SlotUsers]) -> None:
    taken = [*_take(executors[0], 60), *_take(executors[1], 60)]
    assert len(_numbers(taken)) == 2 * len(taken) == 240


def test_more_than_there_are_is_an_error_until_one_is_given_back(executors: tuple[SlotUsers, SlotUsers]) -> None:
    taken = _take(executors[0], 150)
    assert len(_numbers(taken)) == 300
    for each in executors:
        with pytest.raises(EngineError):
            each.take()
    executors[0].give_back(taken[7])
    assert executors[0].take() == taken[7]


def test_closed_executor_leaves_its_users_to_others(executors: tuple[SlotUsers, SlotUsers]) -> None:
    assert len(_take(executors[0], 150)) == 150
    executors[0].close()
    assert len(_take(SlotUsers(range(0)), 2)) == 0
    assert len(_numbers(_take(executors[1], 1))) == 2


def test_where_there_are_none_cells_have_the_own_user() -> None:
    assert SlotUsers(range(0)).take() is None
