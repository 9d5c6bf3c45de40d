"""The composed system as a browser or a program far away uses it: through the front's one port."""

import contextlib
import http.client
import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from cloche.stack.front import DATA_POLICY, PAGE_POLICY

from .engine import MACHINE
from .system import System

PROGRAM = {
    "runtime": "python",
    "source": "print(int(input()) * 2)",
    "cases": [{"stdin": "2\n", "expected_stdout": "4\n"}, {"stdin": "21\n", "expected_stdout": "42\n"}],
}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(system: System, outside: ThreadPoolExecutor) -> Ask:
    """One request from the outside, with the first key unless ``key`` says otherwise."""

    def request(method: str, path: str, *, key: str | None = system.admin_key, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(base_url=f"http://{MACHINE}:8400", timeout=90, trust_env=False) as client:
            return client.request(method, path, headers=headers, json=body)

    return lambda *args, **options: outside.submit(request, *args, **options).result()


def accepted(answer: httpx.Response) -> dict[str, Any]:
    """The evaluation of an answer, which ran in a container and was accepted."""
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["status"], found["verdict"]) == ("finished", "accepted"), found
    assert (found["engine"], found["isolation"]) == ("docker", "container")
    return found


def test_an_evaluation_submitted_at_the_front_ends_accepted_and_its_events_can_be_read(ask: Ask) -> None:
    found = accepted(ask("POST", "/api/v1/evaluations?wait=60", body=PROGRAM))
    events = ask("GET", f"/api/v1/evaluations/{found['id']}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    assert "event: evaluation.finished" in events.text


def test_output_is_seen_while_the_program_still_runs(system: System, ask: Ask, outside: ThreadPoolExecutor) -> None:
    endless = {"runtime": "bash", "source": "echo early; sleep 50", "limits": {"wall_time_s": 60}}
    evaluation = ask("POST", "/api/v1/evaluations", body=endless).json()["id"]

    def watch() -> str:
        headers = {"Authorization": f"Bearer {system.admin_key}"}
        url = f"http://{MACHINE}:8400/api/v1/evaluations/{evaluation}/events"
        with httpx.Client(timeout=30, trust_env=False) as client, client.stream("GET", url, headers=headers) as events:
            return next(line for line in events.iter_lines() if "early" in line)

    assert outside.submit(watch).result()
    assert ask("GET", f"/api/v1/evaluations/{evaluation}").json()["status"] == "running"
    ask("POST", f"/api/v1/evaluations/{evaluation}/cancel")


def test_a_body_that_is_too_large_is_refused_in_the_words_of_the_api(ask: Ask) -> None:
    answer = ask("POST", "/api/v1/evaluations", body={**PROGRAM, "source": "#" * (17 * 1024 * 1024)})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_stranger_is_refused_by_both_services(ask: Ask) -> None:
    for key in (None, "cl_0123456789abcdef_" + "x" * 43):
        assert ask("POST", "/api/v1/evaluations", key=key, body=PROGRAM).status_code == 401
        assert ask("GET", "/queue/v1/stats", key=key).status_code == 401


def test_a_key_made_by_the_operator_opens_what_it_says(system: System, ask: Ask) -> None:
    made = system.compose("run", "--rm", "-T", "bootstrap", "cloche", "keys", "create", "--scope", "read")
    key = next(word for word in made.split() if word.startswith("cl_"))
    assert ask("GET", "/api/v1/evaluations", key=key).status_code == 200
    assert ask("POST", "/api/v1/evaluations", key=key, body=PROGRAM).status_code == 403


def test_people_see_the_queue(ask: Ask) -> None:
    assert ask("GET", "/queue/v1/stats").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/queue/internal/v1/lease",
        "/queue/v1/../internal/v1/lease",
        "/queue/v1/%2e%2e/internal/v1/lease",
        "//queue/internal/v1/lease",
        "/queue/v1/..%2finternal/v1/lease",
        "/metrics",
        "/readyz",
        "/queue/v1/../../metrics",
        "/queue/v1/..%2f..%2fmetrics",
        "/api/../metrics",
        "/api/..%2fmetrics",
    ],
)
def test_what_services_and_operators_ask_is_not_at_the_front(system: System, outside, path: str) -> None:
    """The path is sent as it is; a worker's token is shown, which opens the internal face."""
    token = json.loads((system.secrets / "worker.json").read_text())["queue_token"]

    def ask_literally(method: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection(MACHINE, 8400, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, b"{}", {"Authorization": f"Bearer {token}", "Host": MACHINE})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()

    for method in ("GET", "POST"):
        status, kind, text = outside.submit(ask_literally, method).result()
        # The page is what the front shows for paths that it does not know.
        assert status in {401, 404, 405} or kind == "text/html", text
        assert "cloche_" not in text


def test_the_page_and_its_headers_are_those_of_one_machine(ask: Ask) -> None:
    page = ask("GET", "/evaluations/some/place", key=None)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    assert page.headers["content-security-policy"] == PAGE_POLICY
    assert page.headers["cache-control"] == "no-cache"
    script = next(word.split('"')[1] for word in page.text.split("src=")[1:] if "/assets/" in word.split('"')[1])
    assert "immutable" in ask("GET", script, key=None).headers["cache-control"]
    answer = ask("GET", "/api/v1/runtimes")
    assert answer.headers["content-security-policy"] == DATA_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_unknown_path_of_a_service_is_its_own_404(ask: Ask) -> None:
    answer = ask("GET", "/api/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert ask("GET", "/assets/none.js", key=None).status_code == 404


def test_every_part_comes_back_after_it_was_killed(system: System, ask: Ask) -> None:
    """The stores too: what they held is there again."""
    before = accepted(ask("POST", "/api/v1/evaluations?wait=60", body=PROGRAM))
    pids = {part: container.pid for part, container in system.containers.items()}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    system.await_restarted(pids)
    assert ask("GET", f"/api/v1/evaluations/{before['id']}").json()["verdict"] == "accepted"
    accepted(ask("POST", "/api/v1/evaluations?wait=60", body=PROGRAM))


def test_a_part_that_is_replaced_is_found_again(system: System, ask: Ask) -> None:
    """Its container, and so its address, is another one."""
    system.compose("up", "--detach", "--no-deps", "--force-recreate", "api", "queue")
    system.await_healthy()
    accepted(ask("POST", "/api/v1/evaluations?wait=60", body=PROGRAM))
