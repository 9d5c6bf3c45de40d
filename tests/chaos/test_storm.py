"""A short storm over the whole platform costs no verdict; `make chaos` lets longer ones pass over it."""

from pathlib import Path

import pytest

from .storm import plan_for, storm

_EVALUATIONS = 500
_SEED = 11
_LOGS = Path(__file__).parents[2] / ".cache/chaos/test-storm"


@pytest.mark.timeout(400)
async def test_storm_costs_no_verdict_and_changes_none():
    plan = plan_for(_EVALUATIONS, _SEED)
    told: list[str] = []
    aftermath = await storm(_EVALUATIONS, plan, _LOGS, told.append)
    report = aftermath.report
    assert report.broken == {}, "\n".join([*told, str(aftermath), str(aftermath.evidence)])
    assert len(report.stored) == _EVALUATIONS
    assert set(aftermath.answers) <= {201, 503}
    assert set(aftermath.streams) <= {200, 503}
    # All of that says something only if the platform was hurt, and runs were cut short by it.
    assert {one.fault for one in aftermath.happened if one.met} == set(plan)
    assert report.retried
    assert aftermath.answers[503]
    assert aftermath.streams[200] > _EVALUATIONS
