"""What becomes a label of the queue's metrics, and what is told by the one replica that measures."""

from typing import Any

import pytest

from cloche.contracts.record import Evidence, ExecutionRecord, TerminalRecord
from cloche.kit.clock import iso_now
from cloche.kit.ids import uuid7
from cloche.queue.depth import pause_after
from cloche.queue.metrics import Meters
from cloche.queue.task import Ending

FINISHED = "cloche_queue_evaluations_finished_total"


def ending(runtime: str | None, reason: str = "", verdict: Any = "accepted") -> Ending:
    evidence = Evidence(source="exit")
    execution = runtime and ExecutionRecord(
        verdict=verdict, evidence=evidence, runtime=runtime, engine="local", isolation="namespace"
    )
    record = TerminalRecord(
        verdict=verdict, evidence=evidence, attempt=1, execution=execution or None, finished_at=iso_now()
    )
    return Ending(uuid7(), uuid7(), record, reason)


def test_runtime_is_a_label_only_if_it_comes_with_cloche():
    meters = Meters()
    meters.note_finished([ending("python@3.12"), ending("sk-secret@1"), ending(None)])
    told = {
        sample.labels["runtime"]: sample.value
        for metric in meters.registry.collect()
        for sample in metric.samples
        if sample.name == FINISHED
    }
    assert told == {"python": 1, "other": 1, "none": 1}


def test_reason_is_a_label_only_if_it_is_one_of_cloches():
    meters = Meters()
    meters.note_finished(
        [ending(None, "queue_timeout", "internal_error"), ending(None, "a program's own words", "internal_error")]
    )
    meters.note_retried("what an executor made up")
    value = meters.registry.get_sample_value
    assert value("cloche_queue_dead_letters_total", {"reason": "queue_timeout"}) == 1
    assert value("cloche_queue_dead_letters_total", {"reason": "other"}) == 1
    assert value("cloche_queue_retries_total", {"reason": "other"}) == 1


def test_replica_that_measures_no_more_tells_nothing_old():
    meters = Meters()
    row: Any = {"lane": "batch", "queued": 9, "delayed": 2, "running": 1, "oldest_age_s": 3.5, "paused": True}
    meters.note_measured([row], dead=2)
    value = meters.registry.get_sample_value
    assert value("cloche_queue_depth", {"lane": "batch", "state": "queued"}) == 7
    assert value("cloche_queue_depth", {"lane": "batch", "state": "delayed"}) == 2
    assert value("cloche_queue_oldest_task_age_seconds", {"lane": "batch"}) == 3.5
    meters.forget_measured()
    assert value("cloche_queue_depth", {"lane": "batch", "state": "queued"}) is None
    assert value("cloche_queue_oldest_task_age_seconds", {"lane": "batch"}) is None
    assert value("cloche_queue_open_dead_letters") == 0


def test_measuring_takes_no_more_than_a_tenth_of_the_time():
    assert [pause_after(took_s) for took_s in (0.01, 1, 10)] == pytest.approx([10, 10, 90])
