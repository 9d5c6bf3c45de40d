import base64
import json
from typing import Any

import pytest

from cloche.client.sse import SseEvent
from cloche.client.watching import OutputChunk, OutputGap, Watch
from cloche.client.wire import ForeignAnswerError
from cloche.contracts.events import CaseFinished, Queued, Retried


def event(kind: str, body: dict[str, Any], event_id: str = "") -> SseEvent:
    return SseEvent(kind, json.dumps(body), event_id)


def output(offset: int, data: bytes, *, attempt: int = 1, stream: str = "stdout") -> SseEvent:
    body = {"attempt": attempt, "stream": stream, "offset": offset, "bytes": len(data), "at": "now"}
    return event("output", {**body, "base64": base64.b64encode(data).decode()})


CASE = {"case": {"index": 0, "verdict": "accepted"}}


def test_text_and_base64_are_both_bytes():
    watch = Watch()
    text = {"attempt": 1, "stream": "stdout", "offset": 0, "bytes": 3, "text": "ü\n", "at": "now"}
    assert watch.accept(event("output", text)) == OutputChunk(1, "stdout", 0, "ü\n".encode(), "now")
    assert watch.accept(output(3, b"\xff")) == OutputChunk(1, "stdout", 3, b"\xff", "now")


def test_output_that_comes_again_is_cut_to_what_is_new():
    watch = Watch()
    watch.accept(output(0, b"abcd"))
    assert watch.accept(output(0, b"abcd")) is None
    assert watch.accept(output(2, b"cdef")) == OutputChunk(1, "stdout", 4, b"ef", "now")
    assert watch.accept(output(0, b"xy", stream="stderr")) == OutputChunk(1, "stderr", 0, b"xy", "now")


def test_a_gap_is_told_once_and_only_as_far_as_it_is_unknown():
    watch = Watch()
    watch.accept(output(0, b"abcd"))
    gap = event("gap", {"stream": "stdout", "from": 2, "to": 9})
    assert watch.accept(gap) == OutputGap("stdout", 4, 9)
    assert watch.accept(gap) is None


def test_a_new_attempt_begins_at_zero_and_the_old_one_is_over():
    watch = Watch()
    watch.accept(output(0, b"old"))
    assert isinstance(watch.accept(event("evaluation.retried", {"reason": "lost", "next_attempt": 2})), Retried)
    assert watch.accept(output(3, b"late", attempt=1)) is None
    assert watch.accept(output(0, b"new", attempt=2)) == OutputChunk(2, "stdout", 0, b"new", "now")


def test_states_and_cases_are_told_once_an_attempt():
    watch = Watch()
    assert isinstance(watch.accept(event("evaluation.queued", {"queued_at": "2026-01-01T00:00:00.000000Z"})), Queued)
    assert watch.accept(event("evaluation.queued", {"queued_at": "2026-01-01T00:00:00.000000Z"})) is None
    assert isinstance(watch.accept(event("case.finished", CASE, "e.1.5")), CaseFinished)
    assert watch.accept(event("case.finished", CASE, "e.1.5")) is None
    assert isinstance(watch.accept(event("case.finished", CASE, "e.2.3")), CaseFinished)


def test_the_last_id_is_kept_for_resuming():
    watch = Watch()
    watch.accept(event("evaluation.queued", {"queued_at": "2026-01-01T00:00:00.000000Z"}, "e.0.1"))
    watch.accept(event("something.new", {}, ""))
    assert watch.last_event_id == "e.0.1"


def test_events_of_a_later_version_are_passed_over():
    assert Watch().accept(event("evaluation.applauded", {})) is None


@pytest.mark.parametrize("data", ["{", "[]", '{"attempt":1}', '{"queued_at": 5}'])
@pytest.mark.parametrize("kind", ["output", "gap", "evaluation.queued", "evaluation.finished", "case.finished"])
def test_data_that_is_not_what_its_type_says_is_an_expected_error(kind: str, data: str):
    with pytest.raises(ForeignAnswerError):
        Watch().accept(SseEvent(kind, data, ""))
