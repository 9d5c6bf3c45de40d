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


AT = "2026-01-01T00:00:00.000000Z"
STARTED = line(type="started", runtime="python@3.11", engine="local", isolation="namespace", at=AT)


def output(data: bytes, offset: int, stream: str = "stdout") -> bytes:
    encoded = base64.b64encode(data).decode()
    return line(type="output", stream=stream, offset=offset, data=encoded, at=AT)


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
    refuses(guard, STARTED, "after the last")


def test_inline_output_may_go_on_where_events_ended():
    guard = StreamGuard(program())
    feed(guard, STARTED, output(b"ab", 0), finished(stdout=summary(b"abcdef")))
    refuses(guard, STARTED, "after the last")


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


@pytest.mark.parametrize("other", [{"isolation": "vm"}, {"engine": "docker"}, {"runtime": "python@3.12"}])
def test_record_of_a_run_elsewhere_than_it_started_is_misbehaviour(other: dict[str, str]):
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(**other), "elsewhere")


@pytest.mark.parametrize(
    "features", [["a\0b"], ["a\x1bb"], ["x" * 201], ["x"] * 65, "seccomp", [1], [None], {"seccomp": True}]
)
def test_features_that_can_not_be_shown_are_misbehaviour(features: Any):
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(isolation_features=features), "not in the contract")


@pytest.mark.parametrize("after", [-1, -0.5, 2**53 + 2, "1 s", [1]])
def test_time_of_a_kill_that_is_none_is_misbehaviour(after: Any):
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(evidence={"source": "exit", "killed_after_ms": after}), "not in the contract")


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


BAD_TIMES = [
    "x", "", "0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z",
    "2026-01-01T00:00:00.000000+00:00", "2026-01-01T00:00:00.000000", "2026-02-30T00:00:00.000000Z",
    "2026-01-01T24:00:00.000000Z", "2026-01-01T00:00:60.000000Z", "2026-01-01T00:00:00.000000Z\n",
    "10000-01-01T00:00:00.000000Z", "\N{FULLWIDTH DIGIT TWO}026-01-01T00:00:00.000000Z", 0, None,
]  # fmt: skip
BAD_WORDS = ["a\0b", "\x1b[2J", "\x7f", "\x85", "x" * 5000, 1]
BAD_COUNTS = [-1, 10**30, 2**53 + 1, 1.5, "many", None]
BAD_AMOUNTS = [-0.5, float("inf"), float("nan"), 1e300, "much"]


@pytest.mark.parametrize("at", BAD_TIMES)
def test_time_of_another_form_is_misbehaviour(at: Any):
    refuses(StreamGuard(program()), STARTED.replace(json.dumps(AT).encode(), json.dumps(at).encode()), "contract")
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, output(b"a", 0).replace(json.dumps(AT).encode(), json.dumps(at).encode()), "contract")
    if at is not None:
        refuses(guard, finished(cell_ready_at=at), "contract")
        refuses(guard, finished(compiled_at=at), "contract")
    feed(guard, output(b"a", 0))


@pytest.mark.parametrize("word", BAD_WORDS)
def test_words_that_can_not_be_kept_are_misbehaviour(word: Any):
    evidence = {"source": "exit", "detail": word}
    for fields in ({"message": word}, {"runtime": word}, {"evidence": evidence}):
        guard = StreamGuard(program())
        feed(guard, STARTED)
        refuses(guard, finished(**fields), "contract")
    refuses(StreamGuard(program()), line(type="failed", reason="deadline", started=False, message=word), "contract")


@pytest.mark.parametrize("count", BAD_COUNTS)
def test_counts_out_of_bounds_are_misbehaviour(count: Any):
    for fields in (
        {"usage": {"peak_memory_bytes": count}},
        {"evidence": {"source": "limit", "oom_kills": count}},
        {"stdout": summary(b"", bytes=count)},
        {"compile": {"output_bytes": count}},
    ):
        guard = StreamGuard(program())
        feed(guard, STARTED)
        refuses(guard, finished(**fields), "contract")


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_amounts_that_are_no_numbers_are_misbehaviour(amount: Any):
    for fields in (
        {"usage": {"wall_time_ms": amount}},
        {"usage": {"cpu_time_ms": amount}},
        {"evidence": {"source": "limit", "measured": amount}},
        {"evidence": {"source": "limit", "limit_value": amount}},
    ):
        guard = StreamGuard(program())
        feed(guard, STARTED)
        refuses(guard, finished(**fields), "contract")


def test_number_too_large_for_a_float_is_misbehaviour():
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(usage={"wall_time_ms": 12345}).replace(b"12345", b"1e999"), "contract")


@pytest.mark.parametrize(
    "fields",
    [
        {"exit_code": 2**80},
        {"exit_code": -1},
        {"signal": 10**9},
        {"signal": -9},
        {"stdout": summary(b"", sha256="é")},
        {"compile": {"output": "not base64!"}},
        {"compile": {"output": "YQ"}},
        {"compile": {"output": base64.b64encode(bytes(64 * 1024 + 1)).decode()}},
        {"stdout": summary(bytes(64 * 1024 + 1))},
    ],
)
def test_value_out_of_bounds_is_misbehaviour(fields: dict[str, Any]):
    guard = StreamGuard(program())
    feed(guard, STARTED)
    refuses(guard, finished(**fields), "contract|wrong size")


def test_values_at_their_bounds_are_accepted():
    guard = StreamGuard(program())
    compiled = {"output": base64.b64encode(bytes(64 * 1024)).decode(), "output_bytes": 2**53}
    whole = summary(bytes(64 * 1024), bytes=2**53)
    feed(guard, STARTED, finished(compile=compiled, stdout=whole, exit_code=255, message="x" * 500, compiled_at=AT))


def test_case_of_another_name_than_submitted_is_misbehaviour():
    other = {**case(0), "name": "other"}
    guard = StreamGuard(program(cases=1))
    feed(guard, STARTED)
    refuses(guard, line(type="case.finished", case=other), "another name")
    refuses(guard, finished(cases=[other]), "another name")
    feed(guard, finished(cases=[case(0)]))


@pytest.mark.parametrize("cases", [0, 1])
def test_cancelled_is_accepted_only_after_a_kill_was_asked_for(cases: int):
    guard = StreamGuard(program(cases=cases))
    feed(guard, STARTED)
    cancelled = finished(verdict="cancelled", cases=[case(n, "cancelled") for n in range(cases)])
    refuses(guard, cancelled, "not its to give")
    guard.kill_asked = True
    feed(guard, cancelled)


@pytest.mark.parametrize("verdict", ["cancelled", "internal_error"])
def test_case_verdict_that_is_not_the_executors_to_give_is_misbehaviour(verdict: str):
    guard = StreamGuard(program(cases=1))
    feed(guard, STARTED)
    refuses(guard, line(type="case.finished", case=case(0, verdict)), "not its to give")
