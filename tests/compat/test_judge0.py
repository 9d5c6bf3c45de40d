"""Judge0's own client, unmodified, and its documented requests, against the door."""

import base64
from typing import Any

import httpx
import judge0
import pytest

PATH = "/compat/judge0"
PYTHON, CPP = 71, 54


def run(**fields: Any) -> Any:
    """One program or several through the client: a submission or a list of them."""
    return judge0.run(**fields)


@pytest.fixture
def client(stack) -> Any:
    return judge0.Client(f"{stack.url}{PATH}", {})


@pytest.fixture
def submit(api):
    """A submission that is waited for: its fields."""

    def post(source: str, query: str = "fields=*", **fields: Any) -> dict[str, Any]:
        body = {"source_code": source, "language_id": PYTHON, **fields}
        answer = api.post(f"{PATH}/submissions?wait=true&{query}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return post


def test_its_client_runs_a_program_and_reads_every_field(client):
    done = run(client=client, source_code="print('hello', input())", stdin="you", language=judge0.PYTHON)
    assert (done.status, done.stdout, done.stderr) == (judge0.Status.ACCEPTED, "hello you\n", None)
    assert done.time > 0
    assert done.memory > 0
    assert done.created_at <= done.finished_at
    assert (done.exit_code, done.exit_signal, done.message) == (0, None, None)


def test_its_client_runs_test_cases_as_a_batch(client):
    done = run(
        client=client,
        source_code="print(int(input()) * 2)",
        language=judge0.PYTHON,
        test_cases=[("1", "2"), ("2", "4"), ("3", "7")],
    )
    assert [each.status for each in done] == [
        judge0.Status.ACCEPTED,
        judge0.Status.ACCEPTED,
        judge0.Status.WRONG_ANSWER,
    ]


def test_its_client_sends_files(client):
    files = judge0.Filesystem(content=[judge0.File(name="data/a.txt", content="from a file")])
    code = "print(open('data/a.txt').read())"
    done = run(client=client, source_code=code, additional_files=files, language=judge0.PYTHON)
    assert done.stdout == "from a file\n"


@pytest.mark.parametrize(
    ("alias", "source"),
    [
        (judge0.C, '#include <stdio.h>\nint main(void) { puts("hi"); }'),
        (judge0.CPP, '#include <iostream>\nint main() { std::cout << "hi\\n"; }'),
        (judge0.JAVASCRIPT, "console.log('hi')"),
        (judge0.BASH, "echo hi"),
    ],
)
def test_its_clients_names_of_languages_are_known(client, alias, source):
    done = run(client=client, source_code=source, language=alias)
    assert (done.status, done.stdout) == (judge0.Status.ACCEPTED, "hi\n")


def test_its_clients_language_by_default_is_of_the_other_flavour(stack, monkeypatch):
    """``judge0.run(source_code=…)`` alone asks for Python for ML, which only Extra CE has."""
    for flavour, path in (("CE", "judge0"), ("EXTRA_CE", "judge0-extra")):
        monkeypatch.setenv(f"JUDGE0_{flavour}_ENDPOINT", f"{stack.url}/compat/{path}")
        monkeypatch.setenv(f"JUDGE0_{flavour}_AUTH_HEADERS", "{}")
        monkeypatch.setattr(judge0, f"JUDGE0_IMPLICIT_{flavour}_CLIENT", None)
    done = run(source_code="print('hello')")
    assert (done.status, done.stdout) == (judge0.Status.ACCEPTED, "hello\n")


def test_the_example_of_its_documentation(api):
    """``docs/api/submissions/create_a_submission.md``: post, then ask by the token."""
    body = {
        "source_code": '#include <stdio.h>\n\nint main(void) {\n  char name[10];\n  scanf("%s", name);\n'
        '  printf("hello, %s\\n", name);\n  return 0;\n}',
        "language_id": 50,
        "stdin": "world",
    }
    posted = api.post(f"{PATH}/submissions/?base64_encoded=false&wait=false", json={**body, "language_id": "50"})
    assert posted.status_code == 201
    assert set(posted.json()) == {"token"}
    api.get(f"/api/v1/evaluations/{posted.json()['token']}?wait=60")
    found = api.get(f"{PATH}/submissions/{posted.json()['token']}?base64_encoded=false")
    assert found.status_code == 200
    assert set(found.json()) == {
        "stdout",
        "time",
        "memory",
        "stderr",
        "token",
        "compile_output",
        "message",
        "status",
    }
    assert (found.json()["stdout"], found.json()["status"]) == ("hello, world\n", {"id": 3, "description": "Accepted"})
    assert isinstance(found.json()["time"], str)
    fields = api.get(f"{PATH}/submissions/{posted.json()['token']}?fields=stdin,language,language_id").json()
    assert (fields["stdin"], fields["language_id"], fields["language"]["id"]) == ("world", 50, 50)


@pytest.mark.parametrize(
    ("source", "fields", "status", "signal"),
    [
        ("print(1)", {}, 3, None),
        ("print(1)", {"expected_output": "1  \n\n"}, 3, None),
        ("print(1)", {"expected_output": "2"}, 4, None),
        ("while True: pass", {"cpu_time_limit": 0.5}, 5, None),
        ("import time; time.sleep(9)", {"wall_time_limit": 1}, 5, None),
        ("import os; os.kill(os.getpid(), 11)", {}, 7, 11),
        ("print('x' * 10**6)", {"max_file_size": 64}, 8, 25),
        ("import os; os.kill(os.getpid(), 8)", {}, 9, 8),
        ("import os; os.abort()", {}, 10, 6),
        ("raise SystemExit(3)", {"expected_output": "never compared"}, 11, None),
        ("import os; os.kill(os.getpid(), 15)", {}, 12, 15),
    ],
)
def test_each_ending_has_its_status(submit, source, fields, status, signal):
    done = submit(source, **fields)
    assert (done["status"]["id"], done["exit_signal"]) == (status, signal), done


def test_memory_is_limited(submit):
    source = "x = bytearray(10**9)\nx[::4096] = b'1' * len(x[::4096])"
    done = submit(source, memory_limit=64_000)
    assert done["status"]["id"] in {11, 12}, "the interpreter may see its limit before the kernel does"
    assert done["memory_limit"] == 64_000


def test_a_compile_error_has_the_compilers_words(submit):
    done = submit("int main() { return undeclared; }", language_id=CPP)
    assert done["status"] == {"id": 6, "description": "Compilation Error"}
    assert "undeclared" in done["compile_output"]
    assert [done[name] for name in ("time", "memory", "stdout", "stderr", "exit_code")] == [None] * 5


def test_several_runs_are_averaged(submit):
    done = submit("import sys; print(input(), file=sys.stderr); print(1)", number_of_runs=3, stdin="x")
    assert (done["number_of_runs"], done["stdout"], done["stderr"], done["status_id"]) == (3, "1\n", "x\n", 3)


def test_arguments_and_redirection(submit):
    source = "import sys; print(sys.argv[1:]); print('e', file=sys.stderr)"
    done = submit(source, command_line_arguments="a 'b c'", redirect_stderr_to_stdout=True)
    assert (done["stdout"], done["stderr"]) == ("['a', 'b c']\ne\n", None)


def test_base64_both_ways(api):
    body = {"source_code": base64.b64encode(b"print(input())").decode(), "language_id": PYTHON, "stdin": "w7w=\n"}
    done = api.post(f"{PATH}/submissions?base64_encoded=true&wait=true", json=body).json()
    assert base64.b64decode(done["stdout"]).decode() == "ü\n"
    assert done["stdout"].endswith("\n")


def test_output_that_is_no_text_asks_for_base64(api):
    source = "import sys; sys.stdout.buffer.write(b'\\xff')"
    body = {"source_code": source, "language_id": PYTHON}
    waited = api.post(f"{PATH}/submissions?wait=true", json=body)
    assert waited.status_code == 201
    assert set(waited.json()) == {"error", "token"}
    token = waited.json()["token"]
    assert api.get(f"{PATH}/submissions/{token}").status_code == 400
    assert api.get(f"{PATH}/submissions/{token}?base64_encoded=true").json()["stdout"] == "/w==\n"
    assert api.get(f"{PATH}/submissions/batch?tokens={token}").status_code == 400


def test_batches_are_accepted_item_by_item(api):
    good = {"source_code": "print(1)", "language_id": PYTHON}
    wrong = {"source_code": "print(1)", "language_id": 9999}
    too_long = {**good, "stdin": "x" * (5 * 1024 * 1024)}
    answer = api.post(f"{PATH}/submissions/batch", json={"submissions": [good, wrong, good, too_long, 1]})
    assert answer.status_code == 201
    first, refused, second, long, nothing = answer.json()
    assert (set(first), set(second)) == ({"token"}, {"token"})
    assert refused == {"language_id": ["language with id 9999 doesn't exist"]}
    assert set(long) == {"stdin"}
    assert set(nothing) == {"source_code", "language_id"}
    tokens = [second["token"], "01a22794-0646-7658-b426-032ad935d573", "nonsense", first["token"]]
    found = api.get(f"{PATH}/submissions/batch?tokens={','.join(tokens)}&fields=token").json()["submissions"]
    assert [item and item["token"] for item in found] == [tokens[0], None, None, tokens[3]]
    by_header = api.get(f"{PATH}/submissions/batch?fields=token", headers={"tokens": tokens[0]}).json()
    assert by_header == {"submissions": [{"token": tokens[0]}]}
    assert api.post(f"{PATH}/submissions/batch", json={"submissions": [wrong]}).status_code == 422
    for items, words in (([], "at least one"), ([good] * 21, "less than or equal to 20")):
        refusal = api.post(f"{PATH}/submissions/batch", json={"submissions": items})
        assert refusal.status_code == 400
        assert words in refusal.json()["error"]


def test_errors_have_its_shape(api):
    good = {"source_code": "1", "language_id": PYTHON}
    wrong = api.post(f"{PATH}/submissions", json={"language_id": 1, "wall_time_limit": 0})
    assert (wrong.status_code, wrong.json()) == (
        422,
        {
            "language_id": ["language with id 1 is archived and cannot be used anymore"],
            "source_code": ["can't be blank"],
            "wall_time_limit": ["must be greater than or equal to 1"],
        },
    )
    fields = api.post(f"{PATH}/submissions?fields=stdout,x", json=good)
    assert (fields.status_code, fields.json()) == (400, {"error": "invalid fields: [x]"})
    for token in ("01a22794-0646-7658-b426-032ad935d573", "nonsense"):
        assert api.get(f"{PATH}/submissions/{token}").status_code == 404
    assert api.delete(f"{PATH}/submissions/nonsense").json() == {"error": "delete not allowed"}
    assert api.get(f"{PATH}/submissions").status_code == 403
    assert api.get(f"{PATH}/nothing").status_code == 404
    broken = api.post(f"{PATH}/submissions", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, set(broken.json())) == (400, {"error"})


def test_an_evaluation_of_the_platforms_own_is_no_submission(api):
    ours = api.post("/api/v1/evaluations", json={"runtime": "python", "source": "1"}).json()["id"]
    assert api.get(f"{PATH}/submissions/{ours}").status_code == 404


def test_it_describes_itself(api):
    languages = api.get(f"{PATH}/languages").json()
    assert {PYTHON, CPP, 50, 63} <= {language["id"] for language in languages}
    one = api.get(f"{PATH}/languages/{PYTHON}").json()
    assert one["name"].startswith("Python (3.")
    assert set(one) == {"id", "name", "is_archived", "source_file", "compile_cmd", "run_cmd"}
    assert api.get(f"{PATH}/languages/9999").status_code == 404
    assert {language["is_archived"] for language in api.get(f"{PATH}/languages/all").json()} == {False}
    assert len(api.get(f"{PATH}/statuses").json()) == 14
    assert api.get(f"{PATH}/about").json()["version"] == api.get(f"{PATH}/version").text == "1.13.1"
    assert api.get(f"{PATH}/config_info").json()["max_submission_batch_size"] == 20
    (queue,) = api.get(f"{PATH}/workers").json()
    assert queue["available"] == queue["idle"] + queue["working"]
    assert all(isinstance(value, str) for value in api.get(f"{PATH}/system_info").json().values())
    assert api.post(f"{PATH}/authenticate").status_code == 200
    for path in ("isolate", "license"):
        assert api.get(f"{PATH}/{path}").headers["content-type"].startswith("text/plain")


def test_a_pending_submission_has_a_status_and_no_result(api):
    body = {"source_code": "import time; time.sleep(3)", "language_id": PYTHON}
    token = api.post(f"{PATH}/submissions", json=body).json()["token"]
    found = api.get(f"{PATH}/submissions/{token}?fields=*").json()
    assert found["status"]["id"] in {1, 2}
    assert [found[name] for name in ("finished_at", "stdout", "time", "memory")] == [None] * 4


def test_the_same_idempotency_key_is_the_same_submission(api: httpx.Client):
    body = {"source_code": "1", "language_id": PYTHON}
    headers = {"Idempotency-Key": "judge0-once"}
    tokens = {api.post(f"{PATH}/submissions", json=body, headers=headers).json()["token"] for _ in range(2)}
    assert len(tokens) == 1
