"""What the Queue Service counts. Labels hold its own words, its lanes and Cloche's runtimes, never a caller's text."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from cloche.kit.metrics import DURATIONS_S, OTHER, ServiceRegistry, runtime_names
from cloche.kit.postgres import Row
from cloche.queue.retry import KNOWN_REASONS
from cloche.queue.task import Ending, outcome_of

#: Waiting has no bound but the queue timeout, which is a day unless a submission says otherwise.
_WAITS_S: Final = (*DURATIONS_S, 900, 3600, 6 * 3600, 24 * 3600)


class Meters:
    """The metrics of one process. What is measured in the database is told by the one replica that measures."""

    def __init__(self) -> None:
        self.registry = registry = ServiceRegistry("queue")
        self._runtimes = runtime_names()
        self._depth = Gauge(
            "cloche_queue_depth",
            "Tasks by lane and state: queued, delayed (not due yet), running.",
            ["lane", "state"],
            registry=registry,
        )
        self._oldest_s = Gauge(
            "cloche_queue_oldest_task_age_seconds",
            "How long the oldest task that is due has waited; 0 where none does.",
            ["lane"],
            registry=registry,
        )
        self._paused = Gauge("cloche_queue_lane_paused", "1 where nothing is leased.", ["lane"], registry=registry)
        self._open_dead = Gauge(
            "cloche_queue_open_dead_letters", "Dead letters that nobody has dismissed.", registry=registry
        )
        self.enqueued = Counter("cloche_queue_enqueued", "New tasks.", registry=registry)
        leases = Counter("cloche_queue_leases", "Leases given.", ["lane"], registry=registry)
        wait_s = Histogram(
            "cloche_queue_wait_seconds",
            "From when a task was due to its lease, for each attempt.",
            ["lane"],
            buckets=_WAITS_S,
            registry=registry,
        )
        finished = Counter(
            "cloche_queue_evaluations_finished",
            "Terminal records committed; runtime is none where nothing ran, other where it is not one of Cloche's.",
            ["verdict", "runtime"],
            registry=registry,
        )
        self._dead = Counter(
            "cloche_queue_dead_letters", "Evaluations that the platform failed.", ["reason"], registry=registry
        )
        self.conflicts = Counter(
            "cloche_queue_conflicts", "Completions and failures refused.", ["code"], registry=registry
        )
        self._retried = Counter(
            "cloche_queue_retries", "Attempts that are followed by another.", ["reason"], registry=registry
        )
        self.reaped = Counter("cloche_queue_reaped", "Tasks taken back by the reaper.", ["reason"], registry=registry)
        self.published = Counter(
            "cloche_queue_events_published", "Events published from the outbox.", registry=registry
        )
        self.refused_events = Counter(
            "cloche_queue_events_refused", "Events that the bus refused as of an older attempt.", registry=registry
        )
        self.outbox_lag_s = Gauge(
            "cloche_queue_outbox_lag_seconds", "Age of the oldest event not yet published.", registry=registry
        )

        # Finding a series costs more than counting in it.
        self._leases, self._wait_s, self._finished = cache(leases.labels), cache(wait_s.labels), cache(finished.labels)
        for reason in (*KNOWN_REASONS, OTHER):  # a series that begins at 1 has no increase
            self._dead.labels(reason)
            self._retried.labels(reason)

    def note_leased(self, rows: Sequence[Row]) -> None:
        """Count rows of ``lease.sql``."""
        for row in rows:
            self._leases(row["lane"]).inc()
            self._wait_s(row["lane"]).observe((row["leased_at"] - row["run_at"]).total_seconds())

    def note_finished(self, endings: Sequence[Ending]) -> None:
        """Count what was committed."""
        for ending in endings:
            record = ending.record
            runtime = record.execution.runtime.partition("@")[0] if record.execution else "none"
            known = runtime if runtime in self._runtimes or not record.execution else OTHER
            self._finished(record.verdict, known).inc()
            if outcome_of(record.verdict) == "dead":
                self._dead.labels(known_reason(ending.reason)).inc()

    def note_retried(self, reason: str) -> None:
        """Count an attempt that is followed by another."""
        self._retried.labels(known_reason(reason)).inc()

    def note_measured(self, lanes: Sequence[Row], dead: int) -> None:
        """Tell rows of ``lanes.sql``, and how many dead letters there are."""
        for row in lanes:
            lane = row["lane"]
            self._depth.labels(lane, "queued").set(row["queued"] - row["delayed"])
            self._depth.labels(lane, "delayed").set(row["delayed"])
            self._depth.labels(lane, "running").set(row["running"])
            self._oldest_s.labels(lane).set(row["oldest_age_s"] or 0.0)
            self._paused.labels(lane).set(row["paused"])
        self._open_dead.set(dead)

    def forget_measured(self) -> None:
        """Another replica measures from now on, or nobody does."""
        for gauge in (self._depth, self._oldest_s, self._paused):
            gauge.clear()
        self._open_dead.set(0)


def known_reason(reason: str) -> str:
    """``reason`` if it is one of Cloche's words; a report may bring any."""
    return reason if reason in KNOWN_REASONS else OTHER
