"""What the Storage Worker counts."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from cloche.storage.settle import Verdict


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.applied = Counter("cloche_storage_events", "Events applied.", registry=registry)
        self.finished = Counter("cloche_storage_verdicts", "Verdicts stored and announced.", registry=registry)
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
            "Age of the oldest event of the last batch when it was stored; 0 while nothing waits.",
            ["shard"],
            registry=registry,
        )
        self._backlog = Gauge(
            "cloche_storage_backlog_bytes",
            "What waits in a ledger; at 16 MiB its producers wait too.",
            ["shard"],
            registry=registry,
        )

    def note_finished(self, verdicts: Sequence[Verdict]) -> None:
        """These are stored."""
        self.finished.inc(len(verdicts))
        self.incomplete.inc(sum(bool(verdict.missing) for verdict in verdicts))

    def note_lag(self, seconds: Mapping[int, float]) -> None:
        """How far behind each shard is. Clocks of several machines may differ a little."""
        for shard, lag_s in seconds.items():
            self._lag.labels(shard).set(max(0.0, lag_s))

    def note_backlog(self, waiting_bytes: Mapping[int, int], ledger_events: int) -> None:
        """What waits in these shards, and the entries of all."""
        self._ledger_events.set(ledger_events)
        for shard, size in waiting_bytes.items():
            self._backlog.labels(shard).set(max(0, size))
