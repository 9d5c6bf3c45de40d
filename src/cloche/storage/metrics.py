"""What the Storage Worker counts."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from cloche.storage.settle import Verdict


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.applied = Counter("cloche_storage_events", "Events applied.", registry=registry)
        self.finished = Counter("cloche_storage_verdicts", "Verdicts stored.", registry=registry)
        self.reconciled = Counter(
            "cloche_storage_reconciled",
            "Verdicts whose event was lost, read from the queue's results.",
            registry=registry,
        )
        self.incomplete = Counter(
            "cloche_storage_incomplete", "Verdicts stored with output missing.", registry=registry
        )
        self.poison = Counter("cloche_storage_poison", "Events set aside.", registry=registry)
        self._ledger_events = Gauge("cloche_storage_ledger_events", "Events in the ledgers.", registry=registry)
        self._lag = Gauge(
            "cloche_storage_lag_seconds",
            "Age of the oldest event that is not stored; 0 while nothing waits.",
            ["shard"],
            registry=registry,
        )
        self._backlog = Gauge(
            "cloche_storage_backlog_bytes",
            "What waits in a ledger; at 16 MiB its producers wait too.",
            ["shard"],
            registry=registry,
        )

    def note_stored(self, verdicts: Sequence[Verdict]) -> None:
        """These are committed; a repeat counts for nothing."""
        new = [verdict for verdict in verdicts if verdict.is_new]
        self.finished.inc(len(new))
        self.incomplete.inc(sum(bool(verdict.missing) for verdict in new))

    def note_ledgers(self, lag_s: Mapping[int, float], waiting_bytes: Mapping[int, int], ledger_events: int) -> None:
        """What waits in this worker's shards, and the entries of all; of other shards it says nothing any more."""
        self._ledger_events.set(ledger_events)
        self._lag.clear()
        self._backlog.clear()
        for shard, seconds in lag_s.items():
            self._lag.labels(shard).set(seconds)
        for shard, size in waiting_bytes.items():
            self._backlog.labels(shard).set(max(0, size))
