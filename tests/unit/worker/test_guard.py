import base64
import hashlib
import json
from typing import Any

import pytest

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, File, Program
from cloche.worker.guard import MisbehaviourError, StreamGuard


def program(cases: int = 0, **limits: Any) -> Program:
    return Program(
        runtime="python",
        files=[File(path="main.py", content="")],
        entrypoint="main.py",
        limits=Limits(**limits),
        compile_limits=CompileLimits(),
        cases=[Case(name=str(n)) for n in range(cases)],
    )


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


STARTED = line(type="started", runtime="python@3.11", engine="local", isolation="namespace", at="2026-01-01T00:00:00Z")


def output(data: bytes, offset: int, stream: str = "stdout") -> bytes:
    encoded = base64.b64encode(data).decode()
    return line(type="output", stream=stream, offset=offset, data=encoded, at="2026-01-01T00:00:00Z")


def summary(data: bytes, *, inline: bool = True, **other: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"bytes": len(data), "kept": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if inline:
        fields["data"] = base64.b64encode(data).decode()
    return {**fields, **other}


def finished(**fields: Any) -> bytes:
    record: dict[str, Any] = {
        "verdict": "accepted",
        "evidence": {"source": "exit"},
        "runtime": "python@3.11",
        "engine": "local",
        "isolation": "namespace",
        "stdout": summary(b""),
        "stderr": summary(b""),
    }
    return line(type="finished", record={**record, **fields})


def case(index: int, verdict: str = "accepted") -> dict[str, Any]:
    return {"index": index, "name": str(index), "verdict": verdict}


def feed(guard: StreamGuard, *lines: bytes) -> None:
    for one in lines:
        guard.accept(one)


def refuses(guard: StreamGuard, one: bytes, reason: str) -> None:
    with pytest.raises(MisbehaviourError, match=reason):
        guard.accept(one)


def test_legal_stream_is_accepted():
    guard = StreamGuard(program())
    feed(guard, STARTED, output(b"ab", 0), output(b"c", 2), finished(stdout=summary(b"abc", inline=False)))
    assert guard.over


def test_inline_output_may_go_on_where_events_ended():
    guard = StreamGuard(program())
    feed(guard, STARTED, output(b"ab", 0), finished(stdout=summary(b"abcdef")))
    assert guard.over


@pytest.mark.parametrize("first", [output(b"a", 0), finished(), line(type="case.finished", case=case(0))])
def test_speaking_before_started_is_misbehaviour(first: bytes):
    refuses(StreamGuard(program(1)), first, "before it started")


def test_starting_twice_is_misbehaviour():
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, STARTED, "twice")


def test_line_after_the_last_is_misbehaviour():
    guard = StreamGuard(program())
    feed(guard, STARTED, finished())
    refuses(guard, finished(), "after the last")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"type":"evaluation.finished"}', b"\xff", b'{"type":"started"}'])
def test_line_outside_the_contract_is_misbehaviour(raw: bytes):
    refuses(StreamGuard(program()), raw, "not in the contract")


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_output_that_does_not_go_on_where_it_ended_is_misbehaviour(offset: int):
    guard = StreamGuard(program())
    feed(guard, STARTED, output(b"ab", 0))
    refuses(guard, output(b"c", offset), "go on")


def test_more_output_than_the_limit_is_misbehaviour():
    guard = StreamGuard(program(output_bytes=3))
    feed(guard, STARTED, output(b"ab", 0))
    refuses(guard, output(b"cd", 2), "more output")


def test_endless_lines_are_misbehaviour():
    guard = StreamGuard(program(wall_time_s=1, output_bytes=1 << 20))
    feed(guard, STARTED)
    with pytest.raises(MisbehaviourError, match="more lines"):
        feed(guard, *(output(b"x", place) for place in range(10_000)))


def test_million_cases_are_misbehaviour():
    guard = StreamGuard(program(cases=2))
    feed(guard, STARTED)
    feed(guard, *(line(type="case.finished", case=case(place)) for place in range(2)))
    refuses(guard, line(type="case.finished", case=case(2)), "not next")


def test_record_with_other_cases_than_submitted_is_misbehaviour():
    for cases in ([], [case(0)], [case(0), case(1), case(2)], [case(1), case(0)]):
        guard = StreamGuard(program(cases=2))
        feed(guard, STARTED)
        refuses(guard, finished(cases=cases), "cases")


def test_verdict_that_its_cases_do_not_bear_out_is_misbehaviour():
    guard = StreamGuard(program(cases=2))
    feed(guard, STARTED)
    refuses(guard, finished(cases=[case(0), case(1, "wrong_answer")]), "bear out")


def test_internal_error_is_not_the_executors_to_give():
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(verdict="internal_error"), "not its to give")


def test_less_isolation_than_demanded_is_misbehaviour():
    refuses(StreamGuard(program()), STARTED.replace(b'"namespace"', b'"process"'), "less isolation")


@pytest.mark.parametrize(
    "stdout",
    [
        summary(b"aXc"),
        summary(b"a"),
        summary(b"abc", sha256="0" * 64),
        summary(b"abc", kept=2),
        summary(b"abc", inline=False),
        summary(b"ab", bytes=1),
    ],
)
def test_record_whose_output_differs_from_what_was_sent_is_misbehaviour(stdout: dict[str, Any]):
    guard = StreamGuard(program())
    feed(guard, STARTED, output(b"ab", 0))
    refuses(guard, finished(stdout=stdout), "record says|wrong size|more output")
