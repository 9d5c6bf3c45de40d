"""``cloche batches`` against the whole stack."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloche.client.batch_flows import BatchUpload
from cloche.client.client import Client
from cloche.contracts.batches import Batch

Cloche = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cloche(stack, tmp_path: Path) -> Cloche:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cloche.cli.main", "batches", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=stack.environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def client(stack):
    with Client(stack.url) as client:
        yield client


def upload(*sources: str, **head: Any) -> BatchUpload:
    problem = {"key": "four", "runtime": "bash", "cases": [{"stdin": "2\n", "expected_stdout": "4\n"}]}
    samples = [{"problem": "four", "sample": number, "source": source} for number, source in enumerate(sources)]
    return BatchUpload({"name": uuid4().hex, "k": [1], **head}, [problem], samples)


def ended(client: Client, batch: Batch) -> Batch:
    *_, last = client.batch_progress(batch.id)
    return last


def facts(said: str) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in said.splitlines())


def test_a_batch_is_listed_shown_exported_and_deleted(cloche: Cloche, client: Client, tmp_path: Path):
    batch = ended(client, client.submit_batch(upload("echo 4", "echo 5", "exit 3")))
    listed = next(line for line in cloche("list", "-n", "200").stdout.splitlines() if line.startswith(str(batch.id)))
    assert listed.split("\t")[1:5] == ["complete", "3", "3", "0"]
    shown = facts(cloche("show", str(batch.id)).stdout)
    assert (shown["status"], shown["finished"], shown["accepted"]) == ("complete", "3 of 3", "1")
    assert shown["pass@1"].startswith("0.333")
    rows = list(csv.DictReader(io.StringIO(cloche("results", str(batch.id), "--format", "csv").stdout)))
    assert [row["verdict"] for row in rows] == ["accepted", "wrong_answer", "runtime_error"]
    done = cloche("results", str(batch.id), "--out", "all.ndjson")
    assert done.returncode == 0
    assert len([json.loads(line) for line in (tmp_path / "all.ndjson").read_text().splitlines()]) == 3
    assert cloche("delete", str(batch.id)).returncode == 0
    assert cloche("show", str(batch.id)).returncode == 5
    assert cloche("delete", str(batch.id)).returncode == 0


def test_failed_ones_run_again_as_a_new_batch(cloche: Cloche, client: Client):
    batch = ended(client, client.submit_batch(upload("echo 4", "echo 5")))
    again = json.loads(cloche("rerun", str(batch.id), "failed", "--json").stdout)
    assert (again["rerun_of"], again["total"]) == (str(batch.id), 1)
    assert ended(client, Batch.model_validate(again)).verdicts == {"wrong_answer": 1}


def test_what_is_paused_goes_on_and_what_is_cancelled_ends(cloche: Cloche, client: Client):
    batch = client.submit_batch(upload(*["sleep 5; echo 4"] * 30))
    assert facts(cloche("pause", str(batch.id)).stdout)["status"] == "paused"
    assert facts(cloche("resume", str(batch.id)).stdout)["status"] == "running"
    assert facts(cloche("cancel", str(batch.id)).stdout)["status"] in {"cancelling", "cancelled"}
    last = ended(client, batch)
    assert last.status == "cancelled"
    assert last.finished == 30


def test_samples_are_scored_and_programs_mapped_in_their_order(client: Client):
    problem = {"cases": [{"stdin": f"{n}\n", "expected_stdout": f"{n * n}\n", "points": n + 1} for n in range(3)]}
    samples = ["print(int(input()) ** 2)", "print(int(input()) * 2)", "print(int(input()))", "exit()"]
    # Of 6 points: all; those of 0 and 2; those of 0 and 1; none.
    assert client.score(problem, samples) == [1.0, pytest.approx(4 / 6), pytest.approx(3 / 6), 0.0]
    broken = {"tests": {"code": "import no_such_module"}}
    assert client.score(broken, ["x = 1"]) == [None]
    mapped = [each.stdout.text for each in client.map((f"print({n})" for n in range(25)), concurrency=4)]
    assert mapped == [f"{n}\n" for n in range(25)]
    assert list(client.map([])) == []
    assert client.run("print('hi')").stdout.text == "hi\n"
