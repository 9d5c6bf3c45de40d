"""Every documented route, asked with right and wrong values: no server error, no undocumented answer."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

#: ``positive_data_acceptance`` can't hold: a body may fit its schema and still be refused (a runtime that
#: nobody offers, two programs). ``allow_header_conformance`` wants an ``Allow`` of all methods of a path; the
#: framework names those of the first route. Streams of events end when something else does.
UNFIT = ("--exclude-checks", "positive_data_acceptance,allow_header_conformance", "--exclude-path-regex", "/events$")
DOCUMENTS = ["/openapi.json", "/queue/v1/openapi.json"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_served_document_tells_the_truth(stack, tmp_path, document):
    explore(stack, tmp_path, document, "--max-examples", "15", "--generation-deterministic")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_served_document_tells_the_truth_at_length(stack, tmp_path, document):
    explore(stack, tmp_path, document, "--max-examples", "400")


def explore(stack, folder: Path, document: str, *options: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{stack.url}{document}", "--url", stack.url]
    phases = ["--phases", "examples,coverage,fuzzing", "--request-timeout", "20", "--no-color"]
    done = subprocess.run(
        [*command, *phases, *UNFIT, *options],
        cwd=folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=890,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    assert "generated" in done.stdout


@pytest.mark.parametrize("last", [None, "", "x", "a.b.c", "e.1.99999999999999999999", "e." + "9" * 60 + ".1", "٣.1.1"])
def test_events_end_with_the_verdict_wherever_a_reader_says_it_left(run, api, last):
    done = run(source="print('out')")
    headers = {} if last is None else {"Last-Event-ID": last.encode()}
    answer = api.get(f"/api/v1/evaluations/{done['id']}/events", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().rpartition("\n\n")[2].count("event: evaluation.finished") == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/api/v1/evaluations/{uuid4()}/events", 404),
        ("/api/v1/evaluations/x/events", 422),
        (f"/api/v1/events?evaluation={uuid4()}", 404),
        ("/api/v1/events", 422),
        ("/api/v1/events?topic=everything", 422),
        ("/api/v1/events?" + "&".join(f"evaluation={uuid4()}" for _ in range(101)), 422),
    ],
)
def test_events_of_what_is_not_there_are_refused(api, path, status):
    answer = api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
