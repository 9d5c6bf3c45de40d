"""What the Storage Worker counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.applied = Counter("cloche_storage_events", "Events applied.", registry=registry)
        self.finished = Counter("cloche_storage_verdicts", "Verdicts stored and announced.", registry=registry)
        self.waiting = Gauge("cloche_storage_ledger_events", "Events in the ledgers.", registry=registry)
        self.poison = Counter("cloche_storage_poison", "Events set aside.", registry=registry)
