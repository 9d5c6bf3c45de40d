"""What an executor may say of its tiers, and what people are told of an isolation."""

import pytest
from pydantic import ValidationError

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.words import ISOLATION_ORDER, Isolation, isolation_note


def offer(*tiers: dict[str, object]) -> ExecutorOffer:
    fields = {"name": "e", "engine": "local", "isolation": "namespace", "slots": 1, "busy": 0, "healthy": True}
    return ExecutorOffer.model_validate({**fields, "runtimes": [], "tiers": tiers})


def tier(isolation: str, **fields: object) -> dict[str, object]:
    return {"isolation": isolation, "healthy": True, **fields}


def test_tiers_come_weakest_first():
    assert [t.isolation for t in offer(tier("process"), tier("namespace")).tiers] == ["process", "namespace"]
    assert offer().tiers == []


@pytest.mark.parametrize("isolations", [("namespace", "process"), ("process", "process"), ("vm", "process", "vm")])
def test_tiers_out_of_order_or_twice_are_refused(isolations: tuple[str, ...]):
    with pytest.raises(ValidationError, match="weakest first"):
        offer(*map(tier, isolations))


@pytest.mark.parametrize(
    "fields",
    [
        {"broken": [{"name": "a\x1bb", "message": ""}]},
        {"broken": [{"name": "x", "message": "m" * 501}]},
        {"broken": [{"name": "x", "message": ""}] * 65},
        {"lacking": ["\x1b[2J"]},
        {"features": ["x" * 201]},
        {"held": -1},
        {"tested_at": "yesterday"},
    ],
)
def test_words_of_a_tier_that_can_not_be_shown_are_refused(fields: dict[str, object]):
    with pytest.raises(ValidationError):
        offer(tier("namespace", **fields))


@pytest.mark.parametrize("isolation", ISOLATION_ORDER)
def test_only_isolation_below_the_default_has_a_note(isolation: Isolation):
    weaker = isolation_note(isolation) == f"{isolation}: weaker than a namespace cell"
    assert weaker == (isolation == "process")
    assert weaker or isolation_note(isolation) is None
