"""Two calls at once, stopped before and after each of their statements, in every order there is."""

from collections.abc import Sequence
from typing import Any

import pytest

from .interleavings import Call, Choice, every_order, run_in_order
from .scene import Scene, expected

RACES = [
    ("new", "cancel", "enqueue"),
    ("new", "ask_cancel", "enqueue"),
    ("new", "enqueue", "enqueue"),
    ("waiting", "cancel", "lease_it"),
    ("waiting", "cancel", "cancel"),
    ("waiting", "lease_it", "lease_it"),
    ("waiting", "enqueue", "lease_it"),
    ("overdue", "end_overdue", "lease_it"),
    ("overdue", "end_overdue", "cancel"),
    ("leased", "cancel", "complete"),
    ("leased", "cancel", "complete_in_group"),
    ("leased", "cancel", "fail"),
    ("leased", "cancel", "give_back"),
    ("leased", "cancel", "heartbeat"),
    ("leased", "enqueue", "complete"),
    ("leased", "complete", "complete"),
    ("leased", "complete", "complete_in_group"),
    ("leased", "complete", "fail"),
    ("leased", "complete", "give_back"),
    ("cancelling", "cancel", "complete"),
    ("cancelling", "cancel", "complete_as_cancelled"),
    ("expired", "expire", "complete"),
    ("expired", "expire", "complete_in_group"),
    ("expired", "expire", "heartbeat"),
    ("expired", "expire", "fail"),
    ("expired", "expire", "cancel"),
    ("expired", "expire", "expire"),
    ("completed", "ask_cancel", "store"),
    ("completed", "store", "store"),
]
LONG_RACES = [("leased", "ask_cancel", "complete_and_store")]


async def race(sessions: Sequence[Any], state: str, names: Sequence[str]) -> int:
    *two, owner = sessions

    async def run(wanted: Sequence[int]) -> list[Choice]:
        scene = await Scene.in_state(owner, state)
        calls = [Call(s, expected(getattr(scene, name))) for s, name in zip(two, names, strict=True)]
        choices = await run_in_order(owner, calls, wanted)
        order = "".join(str(choice.taken) for choice in choices)
        answers = {f"{place}.{name}": calls[place].ended.result() for place, name in enumerate(names)}
        try:
            await scene.check(answers)
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"in order {order}, answers {answers}: {error}") from error
        return choices

    return await every_order(run)


@pytest.mark.parametrize(("state", "first", "second"), RACES, ids=["-".join(race) for race in RACES])
async def test_whichever_statement_comes_first_a_task_ends_once_and_every_answer_fits(
    sessions: Sequence[Any], state: str, first: str, second: str
) -> None:
    assert await race(sessions, state, (first, second)) > 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("state", "first", "second"), LONG_RACES, ids=["-".join(race) for race in LONG_RACES])
async def test_whichever_statement_comes_first_of_whole_paths_a_task_ends_once(
    sessions: Sequence[Any], state: str, first: str, second: str
) -> None:
    assert await race(sessions, state, (first, second)) > 1
