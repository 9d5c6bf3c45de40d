"""Write docs/reference/metrics.md from what the services register; ``--check`` says whether it is up to date."""

import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from cloche.api.metrics import Metrics as ApiMetrics
from cloche.dockerproxy.metrics import ProxyMetrics
from cloche.dockerproxy.registry import Caps, Registry
from cloche.executor.metrics import ExecutorMetrics
from cloche.kit.metrics import ServiceRegistry
from cloche.queue.metrics import Meters
from cloche.storage.metrics import Metrics as StorageMetrics
from cloche.worker.metrics import Metrics as WorkerMetrics

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "metrics.md"
HEAD = """# Metrics

Each service answers `GET /metrics` in Prometheus' text format; `docs/how-to/observe.md` tells who may ask where.
Names and units are the field's: seconds, bytes, `_total` for what only grows, `_info` and `_timestamp_seconds`. A
histogram has `_bucket`, `_sum` and `_count`. No label ever holds what a caller, a program or an executor sent.
Written by `scripts/metrics_tables.py`.
"""
TABLE = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"


def registries() -> dict[str, CollectorRegistry]:
    """What each service registers, by its name for people."""
    api, worker, storage = (ServiceRegistry(name) for name in ("api", "worker", "storage"))
    ApiMetrics(api)
    WorkerMetrics(worker)
    StorageMetrics(storage)
    executor, queue = ExecutorMetrics().registry, Meters().registry
    for registry in (api, queue, worker, executor, storage):
        assert registry.http  # registers itself
    return {
        "API Service (and the web process)": api,
        "Queue Service": queue,
        "Queue Worker": worker,
        "Executor Service": executor,
        "Storage Worker": storage,
        "Docker Socket Proxy": ProxyMetrics(Registry(Caps(0, 0, 0, 0, 0))).registry,
    }


def rows(registry: CollectorRegistry) -> dict[str, str]:
    """A row of the table for each metric, by name."""
    labels = {
        collector._name: collector._labelnames  # noqa: SLF001  (the library tells them nowhere else)
        for collector in registry._collector_to_names  # noqa: SLF001
        if isinstance(collector, MetricWrapperBase)
    }
    found: dict[str, str] = {}
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        words = ", ".join(f"`{label}`" for label in labels.get(metric.name, ()))
        found[name] = f"| `{name}` | {metric.type} | {words} | {metric.documentation} |\n"
    return found


def main() -> None:
    """Write or check."""
    tables = {title: rows(registry) for title, registry in registries().items()}
    every = set.intersection(*(set(table) for table in tables.values()))
    over_http = set.intersection(*(set(table) for title, table in tables.items() if "Proxy" not in title)) - every
    some = next(iter(tables.values()))
    text = HEAD + f"\n## Every service\n\n{TABLE}" + "".join(some[name] for name in sorted(every))
    text += "\nAll but the Docker Socket Proxy besides:\n\n" + TABLE + "".join(some[name] for name in sorted(over_http))
    for title, table in tables.items():
        own = [row for name, row in table.items() if name not in every | over_http]
        text += f"\n## {title}\n\n{TABLE}" + "".join(own)
    if "--check" not in sys.argv:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit("docs/reference/metrics.md is out of date; run scripts/metrics_tables.py")


if __name__ == "__main__":
    main()
