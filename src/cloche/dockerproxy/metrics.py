"""What the proxy counts. No label holds anything that a caller chose."""

from prometheus_client import Counter, Gauge, Histogram

from cloche.dockerproxy.registry import Registry
from cloche.kit.metrics import ServiceRegistry

_LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ProxyMetrics:
    """Decisions by call, bytes relayed, how long the Engine takes, and what there is of what the caps bound."""

    def __init__(self, containers: Registry) -> None:
        self.registry = ServiceRegistry("dockerproxy")
        self.decisions = Counter(
            "cloche_dockerproxy_decisions",
            "Requests by what was decided; call is none where none was understood.",
            ("call", "decision"),
            registry=self.registry,
        )
        self.relayed_bytes = Counter(
            "cloche_dockerproxy_relayed_bytes", "Bytes carried over attach.", ("direction",), registry=self.registry
        )
        self.engine_seconds = Histogram(
            "cloche_dockerproxy_engine_request_duration_seconds",
            "From sending a request to the head of the Engine's answer.",
            ("request",),
            buckets=_LATENCIES_S,
            registry=self.registry,
        )
        live = Gauge("cloche_dockerproxy_containers", "Containers that exist.", registry=self.registry)
        live.set_function(lambda: float(len(containers)))
        attached = Gauge("cloche_dockerproxy_attachments", "Attachments that are open.", registry=self.registry)
        attached.set_function(lambda: float(containers.attachments))
        memory = Gauge(
            "cloche_dockerproxy_reserved_memory_bytes", "What containers may use in all.", registry=self.registry
        )
        memory.set_function(lambda: float(containers.memory_bytes))
        cpus = Gauge("cloche_dockerproxy_reserved_cpus", "What containers may use in all.", registry=self.registry)
        cpus.set_function(lambda: containers.cpus_milli / 1000)
