"""SandboxFusion's own client, unmodified, against the door."""

import asyncio
import base64
import warnings
from typing import Any

import httpx
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sandbox_fusion

PATH = "/compat/sandboxfusion"
HELLO = {
    "python": "print('hello')",
    "nodejs": "console.log('hello')",
    "bash": "echo hello",
    "cpp": '#include <iostream>\nint main() { std::cout << "hello\\n"; }',
}


@pytest.fixture
def run(stack):
    """One program through the client: its answer."""
    sandbox_fusion.set_endpoint(f"{stack.url}{PATH}")

    def submit(code: str, language: str = "python", **fields: Any) -> Any:
        request = sandbox_fusion.RunCodeRequest.parse_obj({"code": code, "language": language, **fields})
        return sandbox_fusion.run_code(request, max_attempts=1, client_timeout=60)

    return submit


@pytest.mark.parametrize("language", sorted(HELLO))
def test_its_languages_say_hello(run, language):
    done = run(HELLO[language], language)
    assert (done.status, done.message, done.run_result.stdout) == ("Success", "", "hello\n")
    assert (done.compile_result is not None) == (language == "cpp")


def test_a_program_reads_its_input_and_its_files(run):
    files = {"data/extra.txt": base64.b64encode(b" and a file").decode(), "IGNORE_THIS_FILE": "x", "nothing": None}
    done = run("print(input() + open('data/extra.txt').read())", stdin="input", files=files)
    assert (done.run_result.status, done.run_result.return_code) == ("Finished", 0)
    assert (done.run_result.stdout, done.run_result.stderr) == ("input and a file\n", "")
    assert done.run_result.execution_time > 0
    assert (done.files, done.executor_pod_name) == ({}, None)


@pytest.mark.parametrize(
    ("code", "fields", "status", "return_code"),
    [
        ("print('before'); raise SystemExit(3)", {}, "Finished", 3),
        ("print('before', flush=True); import os; os.kill(os.getpid(), 11)", {}, "Finished", -11),
        ("print('before', flush=True)\nwhile True: pass", {"run_timeout": 1}, "TimeLimitExceeded", None),
        ("print('before', flush=True)\nprint('x' * 2**21)", {}, "Finished", -9),
    ],
)
def test_failures_keep_what_was_printed(run, code, fields, status, return_code):
    done = run(code, **fields)
    assert (done.status, done.message) == ("Failed", "")
    assert (done.run_result.status, done.run_result.return_code) == (status, return_code)
    assert done.run_result.stdout.startswith("before\n")


def test_memory_is_limited(stack):
    body = {"code": "x = bytearray(10**9)", "language": "python", "memory_limit_MB": 64}
    done = httpx.post(f"{stack.url}{PATH}/run_code", json=body, timeout=60, trust_env=False).json()
    assert (done["status"], done["run_result"]["status"]) == ("Failed", "Finished")
    assert done["run_result"]["return_code"] not in {0, None}


def test_a_compile_error_has_no_run(run):
    done = run("int main() { return undeclared; }", "cpp")
    assert (done.status, done.run_result) == ("Failed", None)
    assert done.compile_result.return_code == 1
    assert "undeclared" in done.compile_result.stderr


def test_its_summary_takes_every_answer(run):
    mapping = sandbox_fusion.SummaryMapping.parse_obj(
        {"Success": "ok", "Failed": "no", "RunFailed": "failed", "RunTimeout": "late", "CompileFailed": "typo"}
    )
    programs = {"print(1)": "ok", "raise SystemExit(1)": "failed", "while True: pass": "late"}
    for code, word in programs.items():
        assert sandbox_fusion.summary_run_code_result(run(code, run_timeout=1), mapping) == word
    assert sandbox_fusion.summary_run_code_result(run("int main() {", "cpp"), mapping) == "typo"


def test_its_async_and_concurrent_calls(stack, run):
    """As its documentation has it: many at once, each answered with its own output."""

    async def all_of_them() -> list[Any]:
        requests = [
            sandbox_fusion.RunCodeRequest.parse_obj({"code": f"print({number})", "language": "python"})
            for number in range(12)
        ]
        return await asyncio.gather(
            *(sandbox_fusion.run_code_async(request, endpoint=f"{stack.url}{PATH}") for request in requests)
        )

    done = asyncio.run(all_of_them())
    assert [each.run_result.stdout for each in done] == [f"{number}\n" for number in range(12)]


def submitted(stack: Any, completion: str, **config: Any) -> Any:
    tests = [{"input": {"stdin": f"{n}\n"}, "output": {"stdout": f"{n * 2}\n"}} for n in (1, 2, 3)]
    given = {"dataset_type": "CommonOJDataset", "language": "python", "provided_data": {"test": tests}, **config}
    body = {"dataset": "mine", "id": "p1", "completion": completion, "config": given}
    request = sandbox_fusion.SubmitRequest.parse_obj(body)
    return sandbox_fusion.submit(request, endpoint=f"{stack.url}{PATH}", max_attempts=1, client_timeout=60)


def test_its_submit_judges_a_completion(stack):
    right = submitted(stack, "Here it is:\n```python\nprint(int(input()) * 2)\n```\nDone.")
    assert (right.id, right.accepted, right.extracted_code) == ("p1", True, "print(int(input()) * 2)")
    assert [test.passed for test in right.tests] == [True, True, True]
    wrong = submitted(stack, "```python\nprint(min(4, int(input()) * 2))\n```")
    assert (wrong.accepted, [test.passed for test in wrong.tests]) == (False, [True, True, False])
    cpp = submitted(stack, "```cpp\n#include <iostream>\nint main() { int n; std::cin >> n; }\n```", language="cpp")
    assert (cpp.accepted, [test.passed for test in cpp.tests]) == (False, [False])
    assert cpp.tests[0].exec_info.compile_result.return_code == 0


def test_data_sets_of_its_own_are_not_there(stack, api):
    with pytest.raises(Exception, match="no eval class found for dataset mine"):
        submitted(stack, "x", dataset_type=None)
    assert api.get(f"{PATH}/list_datasets").json() == []


def test_a_language_that_there_is_not_fails_as_an_error_of_the_request(run):
    with pytest.raises(Exception, match="422"):
        run("x", "lean")


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"language": "python"}, ["body", "code"]),
        ({"code": "", "language": "klingon"}, ["body", "language"]),
        ({"code": "", "language": "python", "run_timeout": 1e6}, ["body", "run_timeout"]),
        ({"code": "", "language": "python", "run_timeout": 0}, ["body", "run_timeout"]),
        ({"code": "", "language": "python", "files": {"../x": ""}}, ["body", "files", "1", "path"]),
        ({"code": "", "language": "python", "fetch_files": ["x"]}, ["body", "fetch_files"]),
        ([], ["body"]),
    ],
)
def test_what_is_wrong_with_a_body_is_told_as_fastapi_tells_it(api, body, location):
    answer = api.post(f"{PATH}/run_code", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == location


def test_it_says_pong_and_knows_no_other_path(api):
    assert api.get(f"{PATH}/v1/ping").json() == "pong"
    assert (api.get(f"{PATH}/nothing").status_code, api.get(f"{PATH}/nothing").json()) == (
        404,
        {"detail": "There is no such route."},
    )


def test_verl_reads_the_answer(api):
    """The body and the fields of verl's client, which has no package of its own to install here."""
    body = {
        "compile_timeout": 10,
        "run_timeout": 10,
        "code": "print(int(input()) * 2)",
        "stdin": "21",
        "memory_limit_MB": 1024,
        "language": "python",
        "files": {},
        "fetch_files": [],
    }
    answer = api.post(f"{PATH}/run_code", json=body, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["compile_result"]) == ("Success", None)
    assert {name: found["run_result"][name] for name in ("status", "stdout", "stderr", "return_code")} == {
        "status": "Finished",
        "stdout": "42\n",
        "stderr": "",
        "return_code": 0,
    }


def test_the_evaluation_is_there_to_be_looked_at(api):
    answer = api.post(f"{PATH}/run_code", json={"code": "print(1)", "language": "python"})
    stored = api.get(f"/api/v1/evaluations/{answer.headers['Cloche-Evaluation']}").json()
    assert (stored["verdict"], stored["stdout"]["text"]) == ("accepted", "1\n")
    assert stored["labels"]["door"] == "sandboxfusion"


def test_a_long_output_arrives_whole(api):
    """More than the 64 KiB that the platform's own view of an evaluation shows."""
    body = {"code": "print('0123456789' * 50000)", "language": "python"}
    result = api.post(f"{PATH}/run_code", json=body).json()["run_result"]
    assert result["stdout"] == "0123456789" * 50_000 + "\n"


def test_the_run_of_a_client_that_left_is_cancelled(stack, api, wait_for):
    body = {"code": "import time; time.sleep(50)", "language": "python", "run_timeout": 60}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{stack.url}{PATH}/run_code", json=body, timeout=2, trust_env=False)
    newest = wait_for(lambda: api.get("/api/v1/evaluations?label=door:sandboxfusion&limit=1").json()["items"][0])
    assert newest["verdict"] in {None, "cancelled"}
    done = api.get(f"/api/v1/evaluations/{newest['id']}?wait=30").json()
    assert done["verdict"] == "cancelled"
