"""What an executor counts. Its runtimes' names come from its own files."""

from prometheus_client import Counter, Gauge, Histogram

from cloche.kit.metrics import DURATIONS_S, ServiceRegistry


class ExecutorMetrics:
    """One set a process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = ServiceRegistry("executor")
        self.runs = Counter(
            "cloche_executor_executions",
            "Executions by their verdict, or where the platform failed by the reason: cell_lost, engine_error, "
            "overloaded, deadline, or disconnected where the worker went.",
            ["runtime", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "cloche_executor_execution_duration_seconds",
            "From the request to the last line.",
            ["runtime"],
            buckets=DURATIONS_S,
            registry=registry,
        )
        self.refused = Counter(
            "cloche_executor_refused", "Requests refused before a cell was made.", ["reason"], registry=registry
        )
        self.slots = Gauge("cloche_executor_slots", "Executions that may run at once.", registry=registry)
        self.busy = Gauge("cloche_executor_busy_slots", "Slots in use.", registry=registry)
        self.lost = Gauge("cloche_executor_lost_slots", "Slots set aside: a cell stuck.", registry=registry)
        self.warm_cells = Gauge(
            "cloche_executor_warm_cells", "Cells made ahead that wait for a program.", registry=registry
        )
        self.engine_usable = Gauge("cloche_executor_engine_usable", "1 where cells can be made now.", registry=registry)
        self.runtimes = Gauge(
            "cloche_executor_runtimes", "Runtimes by whether their self-test passed.", ["state"], registry=registry
        )
        self.tier_healthy = Gauge(
            "cloche_executor_tier_healthy",
            "1 where every hostile program of the standing self-test was held, else 0.",
            ["isolation"],
            registry=registry,
        )
        self.tier_broken = Gauge(
            "cloche_executor_tier_broken_defences",
            "Hostile programs that got through, or could not be tried.",
            ["isolation"],
            registry=registry,
        )
        self.tier_tested = Gauge(
            "cloche_executor_tier_tested_timestamp_seconds",
            "When the standing self-test was last over, in Unix time.",
            ["isolation"],
            registry=registry,
        )
