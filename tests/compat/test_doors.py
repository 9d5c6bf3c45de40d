"""What holds for every door: keys, tenants, origins, and that a door can be shut."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import judge0
import pytest
import ultra_piston
from tests.compat.conftest import LISTED_ORIGIN, MakeKey
from tests.e2e.conftest import Stack, running_stack
from ultra_piston.errors import UnexpectedStatusError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sandbox_fusion

JUDGE0, PISTON, SANDBOXFUSION = "/compat/judge0", "/api/v2", "/compat/sandboxfusion"
SUBMISSION = {"source_code": "print('ours')", "language_id": 71}
EXECUTION = {"language": "python", "version": "*", "files": [{"content": "print('ours')"}]}
RUN = {"code": "print('ours')", "language": "python"}
JUDGED = {
    "dataset": "mine",
    "id": 1,
    "completion": "print('ours')",
    "config": {
        "dataset_type": "CommonOJDataset",
        "language": "python",
        "provided_data": {"test": [{"input": {"stdin": ""}, "output": {"stdout": "ours"}}]},
    },
}
FOREIGN = "https://evil.example"

#: One submission through each door, without its key.
SUBMITS = [
    (f"{JUDGE0}/submissions", SUBMISSION),
    (f"{JUDGE0}/submissions/batch", {"submissions": [SUBMISSION]}),
    (f"{PISTON}/execute", EXECUTION),
    ("/api/v2/piston/execute", EXECUTION),
    ("/compat/piston/api/v2/execute", EXECUTION),
    (f"{SANDBOXFUSION}/run_code", RUN),
    (f"{SANDBOXFUSION}/submit", JUDGED),
]
READS = [
    *(f"{JUDGE0}/{path}" for path in ("languages", "languages/71", "statuses", "about", "config_info", "version")),
    *(f"{JUDGE0}/{path}" for path in ("submissions/batch?tokens=x", "workers", "system_info", "submissions")),
    f"{PISTON}/runtimes",
    f"{PISTON}/packages",
    f"{SANDBOXFUSION}/v1/ping",
    f"{SANDBOXFUSION}/list_datasets",
]


@pytest.fixture(scope="module")
def client(keyed: Stack) -> Iterator[httpx.Client]:
    with keyed.client() as found:
        yield found


@pytest.fixture(scope="module")
def key(make_key: MakeKey) -> str:
    return make_key("default", "submit", "read")


@pytest.fixture(scope="module", autouse=True)
def _python_is_announced(client: httpx.Client, key: str) -> None:
    answer = client.post("/api/v1/evaluations?wait=60", json={"runtime": "python", "source": ""}, headers=bearer(key))
    assert answer.status_code == 201, answer.text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(("path", "body"), SUBMITS)
def test_no_door_opens_without_a_key_or_with_a_wrong_one(client, key, path, body):
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    for headers in ({}, {"Authorization": wrong}, {"X-Auth-Token": wrong}, bearer(wrong), {"Authorization": "Basic x"}):
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert "ours" not in answer.text


@pytest.mark.parametrize("path", READS)
def test_nothing_is_told_without_a_key(client, path):
    assert client.get(path).status_code == 401


@pytest.mark.parametrize(("path", "body"), SUBMITS)
def test_a_key_without_the_scope_submits_nothing(client, make_key, path, body):
    headers = bearer(make_key("default", "read"))
    assert client.post(path, json=body, headers=headers).status_code == 403


def test_each_door_takes_the_key_where_its_clients_put_it(client, key):
    for headers in ({"X-Auth-Token": key}, bearer(key)):
        assert client.post(f"{JUDGE0}/submissions", json=SUBMISSION, headers=headers).status_code == 201
    for headers in ({"Authorization": key}, bearer(key)):
        assert client.post(f"{PISTON}/execute", json=EXECUTION, headers=headers).status_code == 200
    assert client.post(f"{SANDBOXFUSION}/run_code", json=RUN, headers=bearer(key)).status_code == 200
    assert client.post(f"{SANDBOXFUSION}/{key}/run_code", json=RUN).status_code == 200
    assert client.get(f"{SANDBOXFUSION}/{key}/v1/ping").json() == "pong"


def test_each_client_runs_a_program_with_its_key(keyed, key):
    """The clients' own ways of giving a key, and SandboxFusion's, which has none."""
    piston = ultra_piston.PistonClient(base_url=f"{keyed.url}{PISTON}", api_key=key, rate_limit=0)
    done = piston.post_execute(language="python", version="*", file=ultra_piston.File(content="print('ours')"))
    assert done.run.stdout == "ours\n"
    client = judge0.Client(f"{keyed.url}{JUDGE0}", {"X-Auth-Token": key})
    submission: Any = judge0.run(client=client, source_code="print('ours')", language=judge0.PYTHON)
    assert submission.stdout == "ours\n"
    request = sandbox_fusion.RunCodeRequest.parse_obj(RUN)
    endpoint = f"{keyed.url}{SANDBOXFUSION}/{key}"
    result = sandbox_fusion.run_code(request, endpoint=endpoint, max_attempts=1).run_result
    assert result is not None
    assert result.stdout == "ours\n"


def test_each_client_is_refused_without_its_key(keyed):
    piston = ultra_piston.PistonClient(base_url=f"{keyed.url}{PISTON}", rate_limit=0)
    with pytest.raises(UnexpectedStatusError):
        piston.get_runtimes()
    with pytest.raises(RuntimeError, match="Authentication failed"):
        judge0.Client(f"{keyed.url}{JUDGE0}", {})
    request = sandbox_fusion.RunCodeRequest.parse_obj(RUN)
    with pytest.raises(Exception, match="401"):
        sandbox_fusion.run_code(request, endpoint=f"{keyed.url}{SANDBOXFUSION}", max_attempts=1)


def test_a_key_in_the_query_is_no_key(client, key):
    for name in ("X-Auth-Token", "Authorization", "key"):
        assert client.post(f"{JUDGE0}/submissions", params={name: key}, json=SUBMISSION).status_code == 401


def test_a_key_that_may_more_must_not_stand_in_a_path(client, keyed, make_key):
    admin = (keyed.data_dir / "admin-key").read_text().strip()
    for strong in (admin, make_key("default", "submit", "operate")):
        answer = client.post(f"{SANDBOXFUSION}/{strong}/run_code", json=RUN)
        assert answer.status_code == 403
        assert strong not in answer.text
    only_submit = make_key("default", "submit")
    assert client.post(f"{SANDBOXFUSION}/{only_submit}/run_code", json=RUN).status_code == 200
    assert client.post(f"{JUDGE0}/{only_submit}/submissions", json=SUBMISSION).status_code == 404


def test_another_tenants_submission_is_not_there(client, key, make_key):
    mine = client.post(f"{JUDGE0}/submissions", json=SUBMISSION, headers=bearer(key)).json()["token"]
    other = bearer(make_key("other", "submit", "read"))
    assert client.get(f"{JUDGE0}/submissions/{mine}", headers=other).status_code == 404
    assert client.get(f"/compat/judge0-extra/submissions/{mine}", headers=other).status_code == 404
    found = client.get(f"{JUDGE0}/submissions/batch?tokens={mine}", headers=other)
    assert found.json() == {"submissions": [None]}
    for path in (f"{PISTON}/execute", f"{SANDBOXFUSION}/run_code"):
        body = EXECUTION if "execute" in path else RUN
        made = client.post(path, json=body, headers=other).headers["Cloche-Evaluation"]
        assert client.get(f"/api/v1/evaluations/{made}", headers=bearer(key)).status_code == 404
        assert client.get(f"/api/v1/evaluations/{made}", headers=other).status_code == 200
    assert client.get(f"{JUDGE0}/submissions/{mine}", headers=bearer(key)).status_code == 200


def test_no_key_and_no_program_is_in_a_log_or_a_metric(client, keyed, make_key):
    key = make_key("default", "submit")
    client.post(f"{SANDBOXFUSION}/{key}/run_code", json={**RUN, "code": "print('cl_marked_source')"})
    client.post(f"{SANDBOXFUSION}/{key}/run_code", json={"code": ["cl_marked_source"]})
    client.post(f"{SANDBOXFUSION}/{key}/run_code", content=b"{" * 100, headers={"Content-Type": "text/plain"})
    client.post(f"{SANDBOXFUSION}/{key}x/run_code", json=RUN)
    client.get(f"{SANDBOXFUSION}/{key}/no/such/path")
    client.get(f"/compat/{key}/nothing")
    client.post(f"{JUDGE0}/submissions", json=SUBMISSION, headers={"X-Auth-Token": key})
    metrics = client.get("/metrics").text
    assert 'route="/compat/sandboxfusion/{key}/run_code"' in metrics
    logs = "".join(path.read_text(errors="replace") for path in (keyed.data_dir / "log").iterdir())
    assert len(logs) > 100
    for secret in (key, key.split("_", 2)[2], "cl_marked_source"):
        assert secret not in metrics
        assert secret not in logs
    assert keyed.defects() == []


@pytest.mark.parametrize(("path", "body"), SUBMITS)
def test_without_keys_a_foreign_page_gets_nothing(api, path, body):
    for origin in (FOREIGN, LISTED_ORIGIN, "null"):
        answer = api.post(path, json=body, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    preflight = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in api.options(path, headers=preflight).headers


@pytest.mark.parametrize(("path", "body"), SUBMITS)
def test_without_keys_a_body_is_json_alone(api, path, body):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = api.post(path, content=json.dumps(body).encode(), headers={"Content-Type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize(("path", "body"), SUBMITS)
def test_with_keys_the_listed_page_is_let_in_and_no_other(client, key, path, body):
    headers = {**bearer(key), "Origin": FOREIGN}
    refused = client.post(path, json=body, headers=headers)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    answer = client.post(path, json=body, headers={**headers, "Origin": LISTED_ORIGIN})
    assert answer.status_code in {200, 201}
    assert answer.headers["access-control-allow-origin"] == LISTED_ORIGIN
    assert "access-control-allow-credentials" not in answer.headers
    preflight = client.options(path, headers={"Origin": LISTED_ORIGIN, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == LISTED_ORIGIN
    assert "X-Auth-Token" in preflight.headers["access-control-allow-headers"]
    elsewhere = client.options(path, headers={"Origin": FOREIGN, "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in elsewhere.headers


def test_the_native_interface_lets_no_other_page_in(client, key):
    headers = {**bearer(key), "Origin": LISTED_ORIGIN}
    answer = client.get("/api/v1/evaluations", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


def test_with_a_key_judge0_takes_forms(client, key):
    form = {"source_code": "print(input())", "language_id": "71", "stdin": "a b"}
    done = client.post(f"{JUDGE0}/submissions?wait=true", data=form, headers={"X-Auth-Token": key})
    assert (done.status_code, done.json()["stdout"]) == (201, "a b\n")
    others: list[tuple[str, Any]] = [(f"{PISTON}/execute", form), (f"{SANDBOXFUSION}/run_code", form)]
    for path, body in others:
        assert client.post(path, data=body, headers=bearer(key)).status_code == 415


def test_a_door_can_be_shut():
    with running_stack(CLOCHE_API_DOORS=json.dumps(["piston"])) as stack, stack.client() as api:
        assert api.get(f"{PISTON}/runtimes").status_code == 200
        for path in (f"{JUDGE0}/languages", "/compat/judge0-extra/about", f"{SANDBOXFUSION}/v1/ping"):
            answer = api.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert api.post(f"{SANDBOXFUSION}/run_code", json=RUN).status_code == 404
        assert api.post(f"{JUDGE0}/submissions", json=SUBMISSION).status_code == 404
