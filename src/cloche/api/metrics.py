"""What the API Service counts."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cloche.kit.metrics import DURATIONS_S


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.submitted = Counter(
            "cloche_api_evaluations_submitted",
            "Evaluations accepted; those of an Idempotency-Key each time it is sent.",
            registry=registry,
        )
        self.submission_seconds = Histogram(
            "cloche_api_submission_duration_seconds",
            "From a submission's body to its commit or refusal, of one evaluation or of a group.",
            buckets=DURATIONS_S,
            registry=registry,
        )
        self.relayed = Counter(
            "cloche_api_outbox_relayed",
            "What the Queue Service was told: enqueue, cancel.",
            ["kind"],
            registry=registry,
        )
        self.open_streams = 0
        self.oldest_untold_at: float | None = None
        readers = Gauge("cloche_api_event_streams", "Open streams of server-sent events.", registry=registry)
        readers.set_function(lambda: float(self.open_streams))
        lag = Gauge(
            "cloche_api_outbox_lag_seconds",
            "Age of the oldest evaluation that the Queue Service was not told of, as far as this process saw it.",
            registry=registry,
        )
        lag.set_function(self._lag_s)

    def _lag_s(self) -> float:
        return 0.0 if self.oldest_untold_at is None else max(0.0, time.time() - self.oldest_untold_at)
