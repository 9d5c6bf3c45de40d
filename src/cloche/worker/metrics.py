"""What the Queue Worker counts."""

from prometheus_client import CollectorRegistry, Counter


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leased = Counter("cloche_worker_leased", "Tasks leased.", registry=registry)
        self.reported = Counter("cloche_worker_reported", "Reports accepted.", ["kind"], registry=registry)
        self.conflicts = Counter(
            "cloche_worker_conflicts", "Reports refused by the queue.", ["code"], registry=registry
        )
        self.misbehaved = Counter(
            "cloche_worker_executor_misbehaved", "Streams that broke the contract.", ["executor"], registry=registry
        )
