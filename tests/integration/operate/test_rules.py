"""The dashboard, the alerts and the scrape jobs of deploy/, against Prometheus' own tools and the code."""

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yaml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "cloche.json").read_text())

#: Made by Prometheus itself, and by the exporter that the last alert is for.
FOREIGN = {"up", "redis_memory_used_bytes", "redis_memory_max_bytes"}


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def panel_expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m")


def alert_expressions() -> list[str]:
    groups: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def registered() -> set[str]:
    """Every series that a service may tell."""
    registries = runpy.run_path(str(ROOT / "scripts" / "metrics_tables.py"))["registries"]()
    names: set[str] = set()
    for metric in (metric for registry in registries.values() for metric in registry.collect()):
        match metric.type:
            case "counter":
                names.add(f"{metric.name}_total")
            case "histogram":
                names |= {f"{metric.name}{suffix}" for suffix in ("_bucket", "_sum", "_count")}
            case _:
                names.add(metric.name)
    return names


def names_in(expression: str) -> set[str]:
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\b(by|on|without|ignoring) \([^)]*\)', "", expression)
    return set(re.findall(r"\b(?:cloche|process|redis)_[a-z0-9_]+\b|\bup\b", bare))


@pytest.mark.parametrize("expression", [*panel_expressions(), *alert_expressions()])
def test_every_metric_that_is_asked_for_exists(expression: str):
    names = names_in(expression)
    assert names
    assert names <= registered() | FOREIGN


def test_alerts_are_what_prometheus_reads():
    promtool("check", "rules", str(ALERTS))


def test_every_panels_expression_is_what_prometheus_reads(tmp_path: Path):
    rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(panel_expressions())]
    assert len(rules) > 40
    path = tmp_path / "panels.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(path))


def test_scrape_jobs_are_what_prometheus_reads():
    promtool("check", "config", str(PROMETHEUS))


def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path):
    rules = yaml.safe_load(ALERTS.read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        del rule["annotations"]  # promtool would compare each word of them
    (tmp_path / "alerts.yaml").write_text(json.dumps(rules))
    shutil.copy(HERE / "alerts.test.yaml", tmp_path)
    promtool("test", "rules", str(tmp_path / "alerts.test.yaml"))


def test_every_alert_is_tried():
    tried = {
        case["alertname"]
        for test in yaml.safe_load((HERE / "alerts.test.yaml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    assert tried == {rule["alert"] for group in groups for rule in group["rules"]}


def test_every_listener_of_the_composed_system_is_scraped_where_it_listens():
    targets = {
        target
        for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    parts = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    beside = yaml.safe_load((ROOT / "deploy" / "observe.yaml").read_text())["services"]
    listening: set[str] = set()
    for name, part in parts.items():
        environment = {**part.get("environment", {}), **beside.get(name, {}).get("environment", {})}
        listens = {k: v for k, v in environment.items() if re.fullmatch(r"CLOCHE_[A-Z]+_(INTERNAL_)?LISTEN", k)}
        listening |= {address.removeprefix("tcp:") for address in listens.values()}
    assert targets == listening
