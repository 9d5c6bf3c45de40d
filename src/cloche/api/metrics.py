"""What the API Service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.submitted = Counter("cloche_api_submitted", "Accepted submissions.", registry=registry)
        self.readers = Gauge("cloche_api_event_streams", "Open event streams.", registry=registry)
