"""One evaluation through every part of a real stack: one trace, the same ids in every log, nothing of its program."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Stack
from .otlp_receiver import OtlpReceiver, SeenSpan

#: The client's own trace, of which a submission becomes a part.
TRACE, CLIENTS_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

#: Stands in the source, the input, the output and the expectation of programs, and so may stand in no log or span.
TOKEN = "zq8sekrit4vx"
PROGRAM = f"import sys\nprint('{TOKEN}', input())\nprint('{TOKEN}', file=sys.stderr)\n"
CASE = {"name": "one", "stdin": f"{TOKEN}\n", "expected_stdout": f"{TOKEN} {TOKEN}\n"}

#: Each span of one evaluation with one case, and what it lies below.
PARENTS = {
    ("cloche-api", "POST /api/v1/evaluations"): None,
    ("cloche-queue", "enqueue"): ("cloche-api", "POST /api/v1/evaluations"),
    ("cloche-queue", "wait in queue"): ("cloche-api", "POST /api/v1/evaluations"),
    ("cloche-worker", "attempt"): ("cloche-queue", "wait in queue"),
    ("cloche-executor", "execution"): ("cloche-worker", "attempt"),
    ("cloche-executor", "cell"): ("cloche-executor", "execution"),
    ("cloche-executor", "case"): ("cloche-executor", "execution"),
    ("cloche-executor", "clear up"): ("cloche-executor", "execution"),
    ("cloche-queue", "commit"): ("cloche-worker", "attempt"),
    ("cloche-storage", "store"): ("cloche-worker", "attempt"),
}
LEVELS = {f"CLOCHE_{part}_LOG_LEVEL": "debug" for part in ("API", "QUEUE", "WORKER", "EXECUTOR", "STORAGE")}


@pytest.fixture(scope="module")
def receiver() -> Iterator[OtlpReceiver]:
    collector = OtlpReceiver()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def traced(receiver: OtlpReceiver, start_stack: Callable[..., AbstractContextManager[Stack]]) -> Iterator[Stack]:
    telemetry = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_SERVICE_NAME": "x",
    }
    with start_stack(**telemetry, **LEVELS) as running:
        yield running
        assert not running.defects()


def submit(api: httpx.Client, path: str = "", **body: Any) -> dict[str, Any]:
    answer = api.post(f"/api/v1/evaluations{path}", params={"wait": 60} if not path else {}, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def spans_of(receiver: OtlpReceiver, trace: str) -> list[SeenSpan]:
    """All of one evaluation's spans, once its last one is there."""

    def whole(spans: list[SeenSpan]) -> bool:
        return {(s.service, s.name) for s in spans if s.trace == trace} >= PARENTS.keys()

    return [span for span in receiver.wait_for(whole) if span.trace == trace]


def test_one_evaluation_is_one_trace_through_every_part(traced: Stack, receiver: OtlpReceiver):
    with traced.client(traceparent=f"00-{TRACE}-{CLIENTS_SPAN}-01") as api:
        done = submit(api, runtime="python", source=PROGRAM, cases=[CASE])
    assert done["verdict"] == "accepted"
    spans = spans_of(receiver, TRACE)
    by_id = {span.id: (span.service, span.name) for span in spans}
    assert Counter(by_id.values()) == Counter(PARENTS.keys())
    for span in spans:
        expected = PARENTS[span.service, span.name]
        assert span.parent == CLIENTS_SPAN if expected is None else by_id[span.parent] == expected, span
        assert not span.failed
    told = {span.facts.get("cloche.evaluation_id") for span in spans if span.service != "cloche-executor"}
    assert told == {done["id"]}


def test_group_makes_a_trace_of_each_and_links_them_to_the_call(traced: Stack, receiver: OtlpReceiver):
    one = {"runtime": "python", "source": "print(1)"}
    with traced.client() as api:
        ids = submit(api, ":batch", evaluations=[one, one, one])["ids"]

    def linked(spans: list[SeenSpan], name: str) -> set[str]:
        return {trace for s in spans if s.name == name for trace, _ in s.links}

    def whole(spans: list[SeenSpan]) -> bool:
        mine = {s.trace for s in spans if s.name == "store" and s.facts["cloche.evaluation_id"] in ids}
        called = any(s.name == "POST /api/v1/evaluations:batch" for s in spans)
        return called and len(mine) == 3 and mine <= linked(spans, "relay outbox") & linked(spans, "report")

    spans = receiver.wait_for(whole)
    (call,) = [s for s in spans if s.name == "POST /api/v1/evaluations:batch"]
    first = {s.facts["cloche.evaluation_id"]: s for s in spans if s.name == "submit"}
    assert set(first) == set(ids)
    assert len({s.trace for s in first.values()} | {call.trace}) == 4
    assert all(s.parent == "" and s.links == {(call.trace, call.id)} for s in first.values())
    for carrier in ("relay outbox", "report", "store batch"):
        assert linked(spans, carrier) >= {s.trace for s in first.values()}


def logs(stack: Stack) -> dict[str, str]:
    return {path.stem: path.read_text(errors="replace") for path in Path(stack.data_dir / "log").glob("*.log*")}


def test_every_service_logs_the_same_ids(traced: Stack, receiver: OtlpReceiver):
    with traced.client() as api:
        done = submit(api, runtime="python", source="print(2)")
    said: dict[str, list[dict[str, Any]]] = {}
    for service, text in logs(traced).items():
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        said[service] = [line for line in lines if line.get("evaluation_id") == done["id"]]
    assert {service for service, lines in said.items() if lines} >= {"web", "queue", "worker", "executor", "storage"}
    for service in ("worker", "executor", "storage"):
        assert all(line["attempt"] == 1 for line in said[service])
    traces = {line["trace_id"] for service in ("web", "worker", "executor") for line in said[service]}
    assert len(traces) == 1


PROGRAMS: list[dict[str, Any]] = [
    {"runtime": "python", "source": PROGRAM, "stdin": TOKEN},
    {"runtime": "python", "source": PROGRAM, "cases": [CASE, CASE | {"expected_stdout": f"not {TOKEN}"}]},
    {"runtime": "python", "source": f"raise SystemError('{TOKEN}')"},
    {"runtime": "python", "source": f"{TOKEN} = = {TOKEN}"},
    {"runtime": "python", "source": f"while True: print('{TOKEN}\\0\\ufffe')", "limits": {"output_bytes": 65536}},
    {"runtime": "python", "source": f"print('{TOKEN}' * 20000)", "env": {"T": TOKEN}, "args": [TOKEN]},
    {"runtime": "bash", "source": f"echo {TOKEN}; kill -9 $$"},
]


def test_no_log_and_no_span_holds_anything_of_a_program(traced: Stack, receiver: OtlpReceiver):
    with traced.client() as api:
        done = [submit(api, **program) for program in PROGRAMS]
        for bad in ({"runtime": "python", "source": TOKEN, "limits": TOKEN}, {"runtime": 7, "source": TOKEN}, TOKEN):
            assert api.post("/api/v1/evaluations", json=bad).status_code in {400, 422}
    assert TOKEN in json.dumps(done)
    ids = {each["id"] for each in done}
    receiver.wait_for(lambda spans: {s.facts.get("cloche.evaluation_id") for s in spans if s.name == "store"} >= ids)
    for service, text in logs(traced).items():
        assert TOKEN not in text, service
    assert not any(TOKEN.encode() in body for body in receiver.bodies)


def test_nothing_fails_while_nobody_takes_the_spans(traced: Stack, receiver: OtlpReceiver):
    receiver.close()
    with traced.client() as api:
        for _ in range(5):
            assert submit(api, runtime="python", source="print(3)")["verdict"] == "accepted"
