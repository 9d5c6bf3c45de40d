"""Many evaluations in one request: all of them or none, each once, in its lane and at its time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

GROUP = "/api/v1/evaluations:batch"


def prints(text: object, **more: Any) -> dict[str, Any]:
    return {"runtime": "bash", "source": f"echo {text}", **more}


def post(api: httpx.Client, *evaluations: Any, key: str | None = None) -> httpx.Response:
    return api.post(GROUP, json={"evaluations": evaluations}, headers={"Idempotency-Key": key} if key else {})


def finished(api: httpx.Client, evaluation_id: str) -> dict[str, Any]:
    return api.get(f"/api/v1/evaluations/{evaluation_id}?wait=60").json()


def test_each_of_a_group_runs_and_keeps_its_place(api: httpx.Client):
    answer = post(api, *(prints(n, name=f"number {n}", lane="batch") for n in range(12)))
    assert answer.status_code == 201
    ids = answer.json()["ids"]
    assert len(set(ids)) == 12
    views = [finished(api, one) for one in ids]
    assert [view["stdout"]["text"] for view in views] == [f"{n}\n" for n in range(12)]
    assert [view["name"] for view in views] == [f"number {n}" for n in range(12)]


def test_one_that_is_wrong_stops_all_and_is_named(api: httpx.Client):
    name = uuid4().hex
    answer = post(api, prints(1, name=name), prints(2, env={"1": ""}), prints(3, limits={"memory_bytes": 1 << 60}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [
        "evaluations.1.env",
        "evaluations.2.limits.memory_bytes",
    ]
    assert api.get("/api/v1/evaluations", params={"name": name}).json()["items"] == []


@pytest.mark.parametrize("count", [0, 1001])
def test_group_has_between_1_and_1000(api: httpx.Client, count: int):
    answer = post(api, *([prints(1)] * count))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "evaluations")


def test_repeat_with_the_same_key_answers_the_same_group(api: httpx.Client):
    key = uuid4().hex
    first = post(api, prints(1), prints(2), key=key).json()["ids"]
    assert post(api, prints(1), prints(2), key=key).json()["ids"] == first
    other = post(api, prints(2), prints(1), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_request")


def test_lane_that_does_not_exist_is_refused(api: httpx.Client):
    answer = post(api, prints(1, lane="fast"))
    assert answer.status_code == 422
    assert "there are: batch, interactive" in answer.json()["errors"][0]["message"]


def test_later_start_is_waited_for(api: httpx.Client):
    now = datetime.now(UTC)
    late = (now + timedelta(seconds=3)).isoformat()
    ids = post(api, prints(1, run_at=late), prints(2, run_at=(now - timedelta(days=1)).isoformat())).json()["ids"]
    assert datetime.fromisoformat(finished(api, ids[0])["timeline"]["leased_at"]) >= datetime.fromisoformat(late)
    assert finished(api, ids[1])["verdict"] == "accepted"


@pytest.mark.parametrize("moment", ["2200-01-01T00:00:00Z", "1700000000", "2030-01-01T00:00:00", 5, "soon"])
def test_start_that_is_no_moment_or_far_away_is_refused(api: httpx.Client, moment: Any):
    answer = post(api, prints(1, run_at=moment))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "evaluations.0.run_at")
