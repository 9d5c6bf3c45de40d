"""What an executor counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ExecutorMetrics:
    """One set a process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs = Counter(
            "cloche_executor_runs",
            "Executions by verdict, or by reason where the platform failed.",
            ["outcome"],
            registry=self.registry,
        )
        self.busy = Gauge("cloche_executor_busy_slots", "Slots in use.", registry=self.registry)
        self.lost = Gauge("cloche_executor_lost_slots", "Slots set aside: a cell stuck.", registry=self.registry)
        self.seconds = Histogram(
            "cloche_executor_execution_seconds",
            "From the request to the last line.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self.registry,
        )
        self.refused = Counter(
            "cloche_executor_refused", "Requests refused before a cell was made.", ["reason"], registry=self.registry
        )
        self.tier_healthy = Gauge(
            "cloche_executor_tier_healthy",
            "1 where every hostile program of the standing self-test was held, else 0.",
            ["isolation"],
            registry=self.registry,
        )
        self.tier_broken = Gauge(
            "cloche_executor_tier_broken_defences",
            "Hostile programs that got through, or could not be tried.",
            ["isolation"],
            registry=self.registry,
        )
