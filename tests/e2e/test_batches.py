"""Batches as people send them: real programs, real verdicts, and nothing of another tenant's."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .test_keys import bearer, keyed, make_key  # noqa: F401  (fixtures)

NDJSON = {"Content-Type": "application/x-ndjson"}
DOUBLE = {
    "key": "double",
    "runtime": "python",
    "cases": [{"stdin": "2\n", "expected_stdout": "4\n"}, {"stdin": "-3\n", "expected_stdout": "-6\n"}],
}
#: As HumanEval has its problems: a prompt that the sample goes on, and tests behind it.
TRIPLE = {
    "key": "HumanEval/0",
    "runtime": "python",
    "prefix": "def triple(x):\n",
    "suffix": "\n\nassert triple(2) == 6\nassert triple(0) == 0\n",
}
EVALUATIONS = [
    {"problem": "double", "source": "print(int(input()) * 2)"},
    {"problem": "double", "source": "print(4)"},
    {"problem": "HumanEval/0", "source": "    return x * 3\n"},
    {"problem": "HumanEval/0", "source": "    return x + 4\n"},
]


def finished(api: httpx.Client, batch_id: str) -> dict[str, Any]:
    """The batch, followed to its end."""
    with api.stream("GET", f"/api/v1/batches/{batch_id}/events") as stream:
        last = ""
        for line in stream.iter_lines():
            if line.startswith("data: "):
                last = line.removeprefix("data: ")
    return json.loads(last)


def lines(*objects: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_programs_of_a_batch_are_graded_by_their_problems(api: httpx.Client, kind: str):
    if kind == "json":
        answer = api.post(
            "/api/v1/batches", json={"k": [1, 2], "problems": [DOUBLE, TRIPLE], "evaluations": EVALUATIONS}
        )
    else:
        body = lines({"batch": {"k": [2, 1]}}, {"problem": DOUBLE}, {"problem": TRIPLE}, *EVALUATIONS)
        answer = api.post("/api/v1/batches", content=body, headers=NDJSON)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/v1/batches/{answer.json()['id']}"
    batch = finished(api, answer.json()["id"])
    assert (batch["status"], batch["verdicts"]) == (
        "complete",
        {"accepted": 2, "wrong_answer": 1, "runtime_error": 1},
    )
    assert [(p["k"], p["value"]) for p in batch["pass_at_k"]] == [(1, 0.5), (2, 1.0)]
    assert (batch["problems"], batch["solved"], batch["forgeable"]) == (2, 2, True)
    results = api.get(f"/api/v1/batches/{batch['id']}/results?format=humaneval").text.splitlines()
    assert [(r["task_id"], r["completion"], r["passed"]) for r in map(json.loads, results)] == [
        ("double", "print(int(input()) * 2)", True),
        ("double", "print(4)", False),
        ("HumanEval/0", "    return x * 3\n", True),
        ("HumanEval/0", "    return x + 4\n", False),
    ]
    places = api.get(f"/api/v1/batches/{batch['id']}/evaluations").json()["items"]
    view = api.get(f"/api/v1/evaluations/{places[2]['id']}").json()
    assert view["program"]["files"][0]["content"] == TRIPLE["prefix"] + "    return x * 3\n" + TRIPLE["suffix"]
    again = api.post(f"/api/v1/evaluations/{places[2]['id']}/rerun?wait=60").json()
    assert (again["verdict"], again["rerun_of"]) == ("accepted", places[2]["id"])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "is not JSON"),
        (b'"x"', "is not a JSON object"),
        (b'{"problem": "nobody", "source": ""}', "there is no problem 'nobody'"),
        (b'{"problem": "double"}', "exactly one of"),
        (b'{"problem": "double", "source": "", "cases": []}', "cases: not a sample's"),
        (b'{"problem": "double", "source": "", "limits": {"memory_bytes": 1000000000000}}', "more than the maximum"),
        (b'{"problem": {"key": "double"}}', "two problems"),
        (b'{"problem": {"key": "x", "source": "1"}}', "a problem has no 'source'"),
        (b'{"problem": {"key": "x", "runtime": "none-such"}}', "no executor offers"),
        (b'{"problem": {"id": "' + b"0" * 64 + b'"}}', "There is no problem"),
        (b'{"problem": "double", "source": "", "name": "\\u0000"}', "NUL"),
        (b'{"problem": "double", "source": "", "lane": "interactive"}', "lane: not a sample's"),
    ],
)
def test_line_that_is_wrong_is_named_and_nothing_is_taken(api: httpx.Client, line: bytes, why: str):
    name = uuid4().hex
    body = lines({"name": name}, {"problem": DOUBLE}, *EVALUATIONS[:2]) + line + b"\n"
    answer = api.post("/api/v1/batches", content=body, headers=NDJSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"][0]["field"] == "line 5"
    assert why in problem["errors"][0]["message"]
    assert all(batch["name"] != name for batch in api.get("/api/v1/batches").json()["items"])


@pytest.mark.parametrize("body", [b"", b"\n\n", b"[]", b"{}", b'{"k": []}\n', b'{"lane": "none"}\n', b"\xff\xfe\n"])
def test_body_without_a_batch_is_refused(api: httpx.Client, body: bytes):
    assert api.post("/api/v1/batches", content=body, headers=NDJSON).status_code in {400, 422}
    assert api.post("/api/v1/batches", content=body, headers={"Content-Type": "application/json"}).status_code in {
        400,
        422,
    }


def test_form_can_not_send_a_batch(api: httpx.Client):
    answer = api.post("/api/v1/batches", content=lines({}), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_no_tenant_reaches_anothers_batches_and_problems(keyed: Any, make_key: Any):  # noqa: F811  (fixtures)
    ours, theirs = bearer(make_key("t1", "submit", "read")), bearer(make_key("t2", "submit", "read"))
    with keyed.client() as api:
        problem = api.post("/api/v1/problems", json=DOUBLE, headers=ours).json()
        body = {"problems": [{"id": problem["id"]}], "evaluations": EVALUATIONS[:1]}
        key = {"Idempotency-Key": uuid4().hex}
        batch = api.post("/api/v1/batches", json=body, headers={**ours, **key}).json()
        base = f"/api/v1/batches/{batch['id']}"
        own = api.post("/api/v1/batches", json={**body, "problems": [DOUBLE]}, headers={**theirs, **key}).json()
        assert own["id"] != batch["id"]
        asked = [
            ("GET", f"/api/v1/problems/{problem['id']}", None),
            ("GET", base, None),
            *(
                ("GET", f"{base}/{what}", None)
                for what in ("problems", "evaluations", "events", "results", "flakiness")
            ),
            ("GET", f"{base}/compare/{own['id']}", None),
            ("GET", f"/api/v1/batches/{own['id']}/compare/{batch['id']}", None),
            *(("POST", f"{base}/{what}", None) for what in ("cancel", "pause", "resume")),
            ("POST", f"{base}/rerun", {"which": "all"}),
            ("DELETE", base, None),
        ]
        # Their own copy of the problem has the same id, by its content; before they stored it there was none.
        stranger = bearer(make_key("t3", "submit", "read"))
        for method, path, sent in asked:
            for headers in (stranger, theirs) if "problems/" not in path else (stranger,):
                answer = api.request(method, path, json=sent, headers=headers)
                assert answer.status_code == 404, (method, path, answer.text)
        assert api.post("/api/v1/batches", json=body, headers=stranger).status_code == 422
        assert [b["id"] for b in api.get("/api/v1/batches", headers=ours).json()["items"]] == [batch["id"]]
        assert api.get("/api/v1/batches", headers=stranger).json()["items"] == []
        assert api.get(base).status_code == 401
        assert api.get(base, headers=ours).status_code == 200
