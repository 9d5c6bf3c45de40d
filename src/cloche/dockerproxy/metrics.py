"""What the proxy counts. No label holds anything that a caller chose."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from cloche.dockerproxy.registry import Registry


class ProxyMetrics:
    """Decisions by call, bytes relayed, containers that exist."""

    def __init__(self, containers: Registry) -> None:
        self.registry = CollectorRegistry()
        self.decisions = Counter(
            "cloche_dockerproxy_decisions",
            "Requests by what was decided; call is none where none was understood.",
            ("call", "decision"),
            registry=self.registry,
        )
        self.relayed_bytes = Counter(
            "cloche_dockerproxy_relayed_bytes", "Bytes carried over attach.", ("direction",), registry=self.registry
        )
        live = Gauge("cloche_dockerproxy_containers", "Containers that exist.", registry=self.registry)
        live.set_function(lambda: float(len(containers)))
