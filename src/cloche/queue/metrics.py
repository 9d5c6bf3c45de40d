"""What the Queue Service counts. Labels hold only words of its own, never a caller's text."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from cloche.queue.task import Outcome


class Meters:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.depth = Gauge("cloche_queue_depth", "Tasks by lane and state.", ["lane", "state"], registry=self.registry)
        self.enqueued = Counter("cloche_queue_enqueued", "New tasks.", registry=self.registry)
        self.leased = Counter("cloche_queue_leased", "Leases given.", registry=self.registry)
        self.finished = Counter(
            "cloche_queue_finished", "Terminal records committed.", ["outcome"], registry=self.registry
        )
        self.conflicts = Counter(
            "cloche_queue_conflicts", "Completions and failures refused.", ["code"], registry=self.registry
        )
        self.retried = Counter("cloche_queue_retried", "Attempts that are followed by another.", registry=self.registry)
        self.reaped = Counter(
            "cloche_queue_reaped", "Tasks taken back by the reaper.", ["reason"], registry=self.registry
        )
        self.published = Counter("cloche_queue_published", "Events published from the outbox.", registry=self.registry)
        self.refused_events = Counter(
            "cloche_queue_refused_events", "Events that the bus refused as of an older attempt.", registry=self.registry
        )
        self.outbox_lag_s = Gauge(
            "cloche_queue_outbox_lag_seconds", "Age of the oldest event not yet published.", registry=self.registry
        )

    def note_finished(self, outcomes: list[Outcome]) -> None:
        """Count what ended."""
        for outcome in outcomes:
            self.finished.labels(outcome).inc()
