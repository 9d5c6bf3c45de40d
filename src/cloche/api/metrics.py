"""What the API Service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.submitted = Counter("cloche_api_submitted", "Accepted submissions.", registry=registry)
        self.readers = Gauge("cloche_api_event_streams", "Open event streams.", registry=registry)
        self.open_streams = 0

    def stream_opened(self) -> None:
        """One event stream more."""
        self.open_streams += 1
        self.readers.set(self.open_streams)

    def stream_closed(self) -> None:
        """One event stream less."""
        self.open_streams -= 1
        self.readers.set(self.open_streams)
