"""What the Queue Worker counts. Executors are labelled by the names that this worker's settings give them."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cloche.contracts.tasks import CompleteRequest, FailRequest
from cloche.kit.metrics import DURATIONS_S


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.held_leases = Gauge("cloche_worker_held_leases", "Leases that this worker holds.", registry=registry)
        self.free_slots = Gauge(
            "cloche_worker_free_slots", "Slots of its executors that it may still use.", registry=registry
        )
        self.executor_usable = Gauge(
            "cloche_worker_executor_usable",
            "1 where the executor answers, is healthy, and is not left alone after faults.",
            ["executor"],
            registry=registry,
        )
        self.leased = Counter("cloche_worker_leased", "Tasks leased.", registry=registry)
        self.slot_wait_seconds = Histogram(
            "cloche_worker_slot_wait_seconds",
            "From a lease to a slot on an executor.",
            buckets=DURATIONS_S,
            registry=registry,
        )
        self.run_seconds = Histogram(
            "cloche_worker_run_duration_seconds",
            "From the request to an executor to the end that it told; verdict is none where there was none.",
            ["verdict"],
            buckets=DURATIONS_S,
            registry=registry,
        )
        self.reported = Counter("cloche_worker_reported", "Reports accepted.", ["kind"], registry=registry)
        self.conflicts = Counter(
            "cloche_worker_conflicts", "Reports refused by the queue.", ["code"], registry=registry
        )
        self.executor_faults = Counter(
            "cloche_worker_executor_faults",
            "Attempts that failed by the executor's fault.",
            ["executor"],
            registry=registry,
        )
        self.misbehaved = Counter(
            "cloche_worker_executor_misbehaved", "Streams that broke the contract.", ["executor"], registry=registry
        )

    def tell_of_executors(self, free: Callable[[], int], usable: Callable[[], Mapping[str, bool]]) -> None:
        """Ask these whenever somebody wants to know."""
        self.free_slots.set_function(free)
        for name in usable():
            self.executor_faults.labels(name)
            self.misbehaved.labels(name)  # a series that begins at 1 has no increase
            self.executor_usable.labels(name).set_function(lambda name=name: usable()[name])

    def note_run(self, report: CompleteRequest | FailRequest, seconds: float) -> None:
        """An attempt is over on its executor."""
        verdict = report.record.verdict if isinstance(report, CompleteRequest) else "none"
        self.run_seconds.labels(verdict).observe(seconds)
