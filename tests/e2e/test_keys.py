"""API keys on a stack that requires them: who may ask, for what, and whose evaluations."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PATH = "/api/v1/evaluations"
PROGRAM = {"runtime": "python", "source": "print('ours')"}
#: Source: DESIGN section 8 and ``kit.people.KEY_CACHE_S``.
REVOKED_WITHIN_S = 5


@pytest.fixture(scope="module")
def keyed(start_stack) -> Iterator[Any]:
    with start_stack("--require-keys") as running:
        yield running


@pytest.fixture(scope="module")
def admin_key(keyed) -> str:
    return (keyed.data_dir / "admin-key").read_text().strip()


@pytest.fixture(scope="module")
def make_key(keyed):
    def make(tenant: str, *scopes: str) -> str:
        options = [word for scope in scopes for word in ("--scope", scope)]
        return json.loads(cloche(keyed, "keys", "create", "--tenant", tenant, *options, "--json"))["key"]

    return make


def cloche(keyed: Any, *arguments: str) -> str:
    command = [sys.executable, "-m", "cloche.cli.main", *arguments]
    done = subprocess.run(command, env=keyed.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def routes(evaluation_id: str) -> list[tuple[str, str, str]]:
    """Every route that needs a key: method, path, scope."""
    one = f"{PATH}/{evaluation_id}"
    return [
        ("POST", PATH, "submit"),
        ("POST", f"{one}/cancel", "submit"),
        ("POST", f"{one}/rerun", "submit"),
        ("GET", PATH, "read"),
        ("GET", one, "read"),
        ("GET", f"{one}/events", "read"),
        ("GET", f"{one}/output/stdout", "read"),
        ("GET", f"{one}/output/stderr", "read"),
        ("GET", f"/api/v1/events?evaluation={evaluation_id}", "read"),
        ("GET", "/api/v1/runtimes", "read"),
        ("GET", "/api/v1/executors", "read"),
        ("GET", "/queue/v1/stats", "read"),
        ("GET", "/queue/v1/lanes", "read"),
        ("GET", "/queue/v1/dead", "read"),
        ("GET", f"/queue/v1/tasks/{evaluation_id}", "read"),
        ("POST", "/queue/v1/lanes/interactive/pause", "operate"),
        ("POST", "/queue/v1/lanes/interactive/resume", "operate"),
    ]


@pytest.fixture(scope="module")
def client(keyed) -> Iterator[httpx.Client]:
    with keyed.client() as found:
        yield found


@pytest.fixture(scope="module")
def finished(client, admin_key) -> str:
    """An evaluation of the tenant ``default``."""
    answer = client.post(f"{PATH}?wait=60", json=PROGRAM, headers=bearer(admin_key))
    assert (answer.status_code, answer.json()["verdict"]) == (201, "accepted"), answer.text
    return answer.json()["id"]


def ask(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    return client.request(method, path, headers=headers, json=PROGRAM if method == "POST" and path == PATH else None)


def test_without_a_valid_key_no_route_answers(client, finished, admin_key):
    wrong = [admin_key[:-1] + ("a" if admin_key[-1] != "a" else "b"), "x", "cl_0123456789abcdef_" + "x" * 43, "cl_"]
    schemes = [{}, *map(bearer, wrong), {"Authorization": f"Basic {admin_key}"}, {"Authorization": admin_key}]
    for method, path, _ in routes(finished):
        for headers in schemes:
            answer = ask(client, method, path, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path, headers)


def test_a_key_in_the_query_string_is_no_key(client, admin_key):
    for name in ("key", "api_key", "token", "access_token"):
        assert client.get(f"{PATH}?{name}={admin_key}").status_code == 401


@pytest.mark.parametrize("scope", ["submit", "read", "operate"])
def test_a_key_opens_what_its_scope_says_and_nothing_else(client, make_key, finished, scope):
    key = make_key("default", scope)
    for method, path, needed in routes(finished):
        answer = ask(client, method, path, bearer(key))
        if scope == needed:
            assert answer.status_code < 300, (method, path, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)


def test_another_tenants_evaluation_is_not_there(client, make_key, finished, admin_key):
    other = bearer(make_key("other", "submit", "read", "operate"))
    for method, path, _ in routes(finished):
        if finished in path:
            answer = ask(client, method, path, other)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
    assert client.get(PATH, headers=other).json()["items"] == []
    mine = client.post(f"{PATH}?wait=60", json=PROGRAM, headers=other).json()["id"]
    assert [item["id"] for item in client.get(PATH, headers=other).json()["items"]] == [mine]
    assert client.get(f"/api/v1/events?evaluation={mine}&evaluation={finished}", headers=other).status_code == 404
    assert client.get(f"{PATH}/{mine}", headers=bearer(admin_key)).status_code == 404, "not even an administrator"


def test_the_same_idempotency_key_of_two_tenants_is_two(client, make_key):
    keys = [make_key("left", "submit"), make_key("right", "submit")]
    ids = [
        client.post(PATH, json=PROGRAM, headers={**bearer(key), "Idempotency-Key": "same"}).json()["id"] for key in keys
    ]
    assert len(set(ids)) == 2


def test_a_revoked_key_stops_within_five_seconds(client, keyed, make_key):
    key = make_key("default", "read")
    key_id = key.split("_")[1]
    assert client.get(PATH, headers=bearer(key)).status_code == 200
    listed = {row["id"]: row for row in json.loads(cloche(keyed, "keys", "list", "--json"))}
    assert (listed[key_id]["scopes"], listed[key_id]["revoked_at"]) == (["read"], None)
    assert key not in cloche(keyed, "keys", "list") + cloche(keyed, "keys", "list", "--json")
    cloche(keyed, "keys", "revoke", key_id)
    end = time.monotonic() + REVOKED_WITHIN_S
    while client.get(PATH, headers=bearer(key)).status_code == 200:
        assert time.monotonic() < end, "still works"
    assert {row["id"]: row for row in json.loads(cloche(keyed, "keys", "list", "--json"))}[key_id]["revoked_at"]


def test_the_first_key_is_the_administrators_alone(client, keyed, admin_key):
    held = (keyed.data_dir / "admin-key").stat()
    assert (held.st_mode & 0o777, held.st_uid) == (0o600, os.getuid())
    assert client.get("/api/v1/executors", headers=bearer(admin_key)).status_code == 200


def test_health_and_pages_need_no_key(client):
    for path in ("/healthz", "/readyz", "/", "/evaluations"):
        assert client.get(path).status_code == 200


def test_no_key_and_no_program_is_in_a_log(client, keyed, admin_key, make_key):
    key = make_key("default", "submit", "read")
    marked = {**PROGRAM, "source": "print('cl_marked_source')"}
    client.post(f"{PATH}?wait=60", json=marked, headers=bearer(key))
    client.get(f"{PATH}?api_key={key}", headers=bearer(key + "x"))
    logs = "".join(path.read_text(errors="replace") for path in (keyed.data_dir / "log").iterdir())
    assert len(logs) > 100
    for secret in (key, key.split("_", 2)[2], admin_key, admin_key.split("_", 2)[2], "cl_marked_source"):
        assert secret not in logs
    assert keyed.defects() == []


def test_other_machines_are_not_let_in_without_keys(stack, tmp_path):
    up = [sys.executable, "-m", "cloche.cli.main", "up", "--detach", "--host", "0.0.0.0", "--data-dir", str(tmp_path)]
    done = subprocess.run(up, env=stack.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "--require-keys" in done.stderr
    assert list(tmp_path.iterdir()) == []
