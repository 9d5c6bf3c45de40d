"""What a careless or hostile client sends: a clear refusal that names the field, and nothing left behind."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cloche.contracts.limits import MAXIMA, Limits

PATH = "/api/v1/evaluations"
JSON = {"Content-Type": "application/json"}
BODY_CAP = 16 * 1024 * 1024


def program(**fields: Any) -> dict[str, Any]:
    return {"runtime": "python", "source": "print(1)", **fields}


def files(*paths: str) -> dict[str, Any]:
    return {"runtime": "python", "files": [{"path": path, "content": "print(1)"} for path in paths]}


def case(**fields: Any) -> dict[str, Any]:
    return program(cases=[{"stdin": "", **fields}])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown runtime": (program(runtime="cobol"), "runtime"),
    "unknown version": (program(runtime="python@1.5"), "runtime"),
    "runtime with a path": (program(runtime="../python"), "runtime"),
    "no program": ({"runtime": "python"}, ""),
    "two programs": (program(files=[]), ""),
    "no files": (files(), "files"),
    "unknown field": (program(sauce=1), "sauce"),
    "oversized source": (program(source="#" * (1024 * 1024 + 1)), "files"),
    "oversized files": ({**files(), "files": [{"path": "a.py", "content": "é" * 600_000}]}, "files"),
    "too many files": (files(*(f"f{number}.py" for number in range(101))), "files"),
    "climbing path": (files("../escape.py"), "files.0.path"),
    "climbing within": (files("a/../../b.py"), "files.0.path"),
    "absolute path": (files("/etc/passwd"), "files.0.path"),
    "empty part": (files("a//b.py"), "files.0.path"),
    "dot": (files("./a.py"), "files.0.path"),
    "backslash": (files("a\\b.py"), "files.0.path"),
    "duplicate": (files("a.py", "a.py"), "files.1.path"),
    "file and folder": (files("a", "a/b.py"), "files"),
    "NUL in a path": (files("a\0b.py"), "files.0.path"),
    "newline in a path": (files("a\nb.py"), "files.0.path"),
    "long path": (files("x" * 256), "files.0.path"),
    "deep path": (files("/".join("a" * 20)), "files.0.path"),
    "no base64": (program(source=None, files=[{"path": "a", "content": "%", "encoding": "base64"}]), "files.0.content"),
    "entrypoint": ({**files("a.py"), "entrypoint": "b.py"}, "entrypoint"),
    "NUL in an entrypoint": (program(entrypoint="a\0b"), "files.0.path"),
    "NUL in an argument": (program(args=["a\0b"]), "args"),
    "NUL in a name": (program(name="a\0b"), "labels"),
    "NUL in a label": (program(labels={"a": "\0"}), "labels"),
    "NUL in the environment": (program(env={"A": "\0"}), "env"),
    "environment name": (program(env={"A=B": "1"}), "env"),
    "large environment": (program(env={"A": "x" * 40_000}), "env"),
    "many arguments": (program(args=["x"] * 257), "args"),
    "large arguments": (program(args=["x" * 70_000]), "args"),
    "large input": (program(stdin="x" * (4 * 1024 * 1024 + 1)), "stdin"),
    "negative wall time": (program(limits={"wall_time_s": -1}), "limits.wall_time_s"),
    "zero": (program(limits={"cpu_time_s": 0}), "limits.cpu_time_s"),
    "negative memory": (program(limits={"memory_bytes": -1}), "limits.memory_bytes"),
    "half a process": (program(limits={"processes": 1.5}), "limits.processes"),
    "compile limit": (program(compile_limits={"wall_time_s": 1e9}), "compile_limits.wall_time_s"),
    "unknown limit": (program(limits={"fork_bombs": 1}), "limits.fork_bombs"),
    "integer of 40 digits": (program(limits={"disk_bytes": 10**40}), "limits.disk_bytes"),
    "priority": (program(priority=101), "priority"),
    "queue timeout": (program(queue_timeout_s=0), "queue_timeout_s"),
    "network": (program(network="host"), "network"),
    "ten thousand cases": (program(cases=[{"stdin": "x"}] * 10_000), "cases"),
    "argument of a case": (case(args=["\0"]), "cases.0.args"),
    "way to compare": (case(expected_stdout="1", compare="roughly"), "cases.0.compare"),
    "tolerance": (case(expected_stdout="1", compare={"float": -1}), "cases.0.compare"),
    "too many labels": (program(labels={f"l{number}": "" for number in range(33)}), "labels"),
    "wrong types": (program(args="x"), "args"),
}


@pytest.fixture
def nothing_is_made(api: httpx.Client) -> Iterator[None]:
    """What is refused leaves no evaluation behind."""
    before = api.get(f"{PATH}?limit=1").json()["items"]
    yield
    assert api.get(f"{PATH}?limit=1").json()["items"] == before


@pytest.fixture(autouse=True, scope="module")
def _no_evaluation_is_stuck(stack) -> Iterator[None]:
    """Whatever was sent, the queue is empty in the end."""
    yield
    with stack.client() as client:
        end = time.monotonic() + 30
        while (left := _left(client)) != (0, 0):
            assert time.monotonic() < end, f"queued and running: {left}"


@pytest.mark.parametrize("what", sorted(WRONG))
@pytest.mark.usefixtures("nothing_is_made")
def test_a_wrong_field_is_refused_by_its_name(api, what):
    body, field = WRONG[what]
    problem = refusal(api.post(PATH, json=body), 422, "invalid_request")
    assert [error["field"] for error in problem["errors"] if error["field"].startswith(field)], problem


@pytest.mark.parametrize("limit", sorted(Limits.model_fields))
@pytest.mark.usefixtures("nothing_is_made")
def test_a_limit_above_its_maximum_is_refused_with_the_maximum(api, limit):
    maximum = getattr(MAXIMA, limit)
    problem = refusal(api.post(PATH, json=program(limits={limit: maximum * 2})), 422, "invalid_request")
    assert [(error["field"], error["limit"]) for error in problem["errors"]] == [(f"limits.{limit}", maximum)]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("field", ["wall_time_s", "memory_bytes"])
@pytest.mark.usefixtures("nothing_is_made")
def test_a_number_that_is_none_is_refused(api, field, number):
    raw = f'{{"runtime": "python", "source": "", "limits": {{"{field}": {number}}}}}'
    problem = refusal(api.post(PATH, content=raw, headers=JSON), 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [f"limits.{field}"]


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"runtime": "python", "sou',
    "not UTF-8": b'{"runtime": "python", "source": "\xff\xfe"}',
    "UTF-8 of a surrogate": b'{"runtime": "python", "source": "\xed\xa0\x80"}',
    "lone surrogate": b'{"runtime": "python", "source": "\\ud800"}',
    "lone surrogate in a name": b'{"runtime": "python", "source": "", "labels": {"\\udfff": "x"}}',
    "100,000 levels": b'{"runtime": "python", "source": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "5,000 digits": b'{"runtime": "python", "source": "", "priority": ' + b"9" * 5000 + b"}",
    "two documents": b'{"runtime": "python", "source": ""}{}',
}


@pytest.mark.parametrize("what", sorted(UNREADABLE))
@pytest.mark.usefixtures("nothing_is_made")
def test_a_body_that_is_no_json_is_refused(api, what):
    refusal(api.post(PATH, content=UNREADABLE[what], headers=JSON), 400, "malformed_request")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"x"'])
@pytest.mark.usefixtures("nothing_is_made")
def test_json_that_is_no_object_is_refused(api, raw):
    refusal(api.post(PATH, content=raw, headers=JSON), 422, "invalid_request")


@pytest.mark.parametrize(("runtime", "verdict"), [("python", "runtime_error"), ("c", "compile_error")])
def test_a_nul_in_the_source_is_the_programs_fault(run, runtime, verdict):
    done = run(runtime, source="int x = \0;\0")
    assert done["verdict"] == verdict
    assert done["program"]["files"][0]["content"] == "int x = \0;\0"


def test_a_nul_in_the_input_arrives(run):
    assert run(source="print(ascii(input()))", stdin="a\0b")["stdout"]["text"] == "'a\\x00b'\n"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
@pytest.mark.usefixtures("nothing_is_made")
def test_a_body_that_a_form_could_send_is_refused(api, kind):
    raw = json.dumps(program())
    refusal(api.post(PATH, content=raw, headers={"Content-Type": kind}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1:notaport"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[x"},
    ],
)
@pytest.mark.parametrize("path", [PATH, "/queue/v1/lanes/interactive/pause"])
@pytest.mark.usefixtures("nothing_is_made")
def test_a_foreign_page_can_make_nothing_happen(api, headers, path):
    refusal(api.post(path, json=program(), headers=headers), 403, "forbidden")
    assert not any(lane["paused"] for lane in api.get("/queue/v1/lanes").json()["lanes"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/queue/v1/nothing", 404, "not_found"),
        ("GET", "/queue/internal/v1/results", 404, "not_found"),
        ("DELETE", PATH, 405, "method_not_allowed"),
        ("GET", f"{PATH}/not-an-id", 422, "invalid_request"),
        ("GET", f"{PATH}/%00", 422, "invalid_request"),
        ("GET", f"{PATH}/00000000-0000-0000-0000-000000000000", 404, "not_found"),
        ("GET", f"{PATH}/00000000-0000-0000-0000-000000000000/output/stdin", 422, "invalid_request"),
        ("GET", f"{PATH}?limit=0", 422, "invalid_request"),
        ("GET", f"{PATH}?cursor=x", 422, "invalid_request"),
        ("GET", f"{PATH}?name=%00", 422, "invalid_request"),
        ("GET", f"{PATH}?created_after=2026-01-01T00:00:00", 422, "invalid_request"),
        ("POST", f"{PATH}?wait=inf", 422, "invalid_request"),
        ("GET", "/api/v1/events", 422, "invalid_request"),
        ("POST", "/queue/v1/lanes/nothing/pause", 404, "not_found"),
        ("POST", "/queue/v1/lanes/%2e%2e/pause", 404, "not_found"),
        ("GET", "/queue/v1/%2e%2e/%2e%2e/healthz", 404, "not_found"),
        ("GET", "/queue/v1/..%2f../healthz", 404, "not_found"),
        ("GET", "/queue/v1/stats%3fx=1", 404, "not_found"),
        ("GET", "/queue/v1/dead?after=x", 422, "invalid_request"),
    ],
)
def test_a_wrong_address_is_refused(api, method, path, status, code):
    refusal(api.request(method, path), status, code)


@pytest.mark.usefixtures("nothing_is_made")
def test_a_body_over_the_cap_is_refused_whatever_its_framing(api):
    def pieces() -> Iterator[bytes]:
        yield b'{"runtime": "python", "source": "'
        for _ in range(BODY_CAP // 65536):
            yield b"x" * 65536
        yield b'"}'

    for content in (b"x" * (BODY_CAP + 1), pieces()):
        answer = api.post(PATH, content=content, headers=JSON)
        assert str(BODY_CAP) in refusal(answer, 413, "too_large")["detail"]


@pytest.mark.usefixtures("nothing_is_made")
def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(stack):
    with connected(stack) as client:
        client.sendall(head("POST", PATH, f"Content-Length: {10**15}"))
        assert answered(client).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"GET /"])
def test_headers_without_end_are_refused(stack, start):
    with connected(stack) as client:
        client.sendall(start + b"a" * 600_000)
        answer = answered(client)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


def test_what_is_no_http_is_refused(stack):
    with connected(stack) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert answered(client).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("framing", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
@pytest.mark.usefixtures("nothing_is_made")
def test_a_client_that_leaves_in_mid_body_makes_nothing(stack, api, framing):
    for _ in range(20):
        with connected(stack) as client:
            client.sendall(head("POST", PATH, framing) + b'20\r\n{"runtime": "python", "source": "')
    assert api.get("/healthz").status_code == 200


def test_watchers_that_leave_do_not_disturb_the_run(stack, api):
    source = "import time\nfor n in range(10):\n print(n, flush=True)\n time.sleep(0.1)"
    evaluation_id = api.post(PATH, json=program(source=source)).json()["id"]
    for _ in range(20):
        with connected(stack) as client:
            client.sendall(head("GET", f"{PATH}/{evaluation_id}/events"))
            assert b"200 OK" in client.recv(1000)
    done = api.get(f"{PATH}/{evaluation_id}?wait=30").json()
    assert (done["verdict"], done["stdout"]["text"]) == ("accepted", "".join(f"{n}\n" for n in range(10)))


def test_a_key_of_a_request_is_checked(api):
    for key in ("", "x" * 201, "white space"):
        problem = refusal(api.post(PATH, json=program(), headers={"Idempotency-Key": key}), 422, "invalid_request")
        assert "Idempotency-Key" in problem["errors"][0]["field"]


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that a refused caller is told."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert problem["detail"]
    return problem


def connected(stack: Any) -> socket.socket:
    address = urlsplit(stack.url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def head(method: str, path: str, *lines: str) -> bytes:
    fields = "".join(f"{line}\r\n" for line in ("Host: localhost", "Content-Type: application/json", *lines))
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()


def answered(client: socket.socket) -> bytes:
    """All that the server says until it closes the connection."""
    said = b""
    while part := client.recv(65536):
        said += part
    return said


def _left(client: httpx.Client) -> tuple[int, int]:
    stats = client.get("/queue/v1/stats").json()
    return stats["queued"], stats["running"]
