"""What ``cloche executors`` says of a tier."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloche.cli.executors import rows
from cloche.contracts.tasks import ExecutorsAnswer, ExecutorSeen

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden"


def golden(name: str = "executors") -> ExecutorSeen:
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    (seen,) = ExecutorsAnswer.model_validate_json(text).executors
    return seen


def changed(*, offer: dict[str, Any] | None = None, tier: dict[str, Any] | None = None, **fields: Any) -> ExecutorSeen:
    """The golden executor with only its last tier, some of it changed."""
    data = json.loads(golden().model_dump_json())
    data["offer"]["tiers"] = [{**data["offer"]["tiers"][-1], **(tier or {})}]
    return ExecutorSeen.model_validate({**data, "offer": {**data["offer"], **(offer or {})}, **fields})


def test_each_tier_is_a_row_with_what_held_what_broke_and_what_is_lacking():
    weak, strong = rows(golden())
    assert weak[:8] == ("local", "local", "process", "broken", "17", "1", "1", "2")
    assert weak[9:] == (
        "process: weaker than a namespace cell",
        "process broken: kill_everything: It killed a process outside its cell.",
        "process lacks: No cgroup of its own: memory is sampled.",
    )
    assert strong == ("local", "local", "namespace", "healthy", "18", "0", "1", "2", "2026-11-23 17:31:04")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (changed(stale=True), "silent"),
        (changed(tier={"healthy": False, "tested_at": None}), "untested"),
        (changed(tier={"healthy": False}), "failing"),
        (changed(offer={"healthy": False}), "failing"),
        (changed(tier={"broken": [{"name": "x", "message": "out"}]}), "broken"),
    ],
)
def test_a_tiers_state_is_one_word(seen: ExecutorSeen, state: str):
    (row,) = rows(seen)
    assert row[3] == state


def test_an_executor_that_names_no_tiers_shows_its_isolation():
    (row,) = rows(golden("older/executors"))
    assert row[2:6] == ("namespace", "healthy", "0", "0")


def test_what_an_executor_says_is_shown_and_never_obeyed():
    seen = golden()
    tier = seen.offer.tiers[0].model_copy(update={"lacking": ["\x1b[2J\tgone"]})
    bent = seen.model_copy(update={"offer": seen.offer.model_copy(update={"tiers": [tier]})})
    (row,) = rows(bent)
    assert row[-1] == "process lacks: ␛[2J␉gone"
