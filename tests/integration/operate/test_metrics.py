"""What the services register, before anything happened: names, units, help, and the page that lists them."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

ROOT = Path(__file__).parents[3]
REGISTRIES: dict[str, CollectorRegistry] = runpy.run_path(str(ROOT / "scripts" / "metrics_tables.py"))["registries"]()

#: Source: the rules of ``promtool check metrics``, which only warns of some.
NO_UNIT = re.compile(r"_(ms|us|ns|milliseconds|minutes|hours|days|kb|mb|kib|mib|kilobytes|megabytes|percent)(_|$)")


def lint(exposition: bytes) -> str:
    """What Prometheus' own linter says; nothing if all is well."""
    done = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("service", REGISTRIES)
def test_names_units_and_help_are_as_prometheus_wants_them(service: str):
    assert not lint(generate_latest(REGISTRIES[service]))


def test_linter_finds_a_metric_that_is_named_badly():
    assert "counter" in lint(b"# HELP cloche_x X.\n# TYPE cloche_x counter\ncloche_x 1\n")


@pytest.mark.parametrize("service", REGISTRIES)
def test_every_metric_is_cloches_own_or_the_processes_and_says_what_it_means(service: str):
    for metric in REGISTRIES[service].collect():
        assert re.fullmatch(r"(cloche|process)_[a-z0-9_]+", metric.name)
        assert not NO_UNIT.search(metric.name), metric.name
        assert metric.documentation.endswith("."), metric.name


def test_every_service_says_which_build_it_is():
    builds = [registry.get_sample_value for registry in REGISTRIES.values()]
    from importlib.metadata import version

    names = ("api", "queue", "worker", "executor", "storage", "dockerproxy")
    for value, name in zip(builds, names, strict=True):
        assert value("cloche_build_info", {"service": name, "version": version("cloche")}) == 1


def test_page_of_metrics_is_up_to_date():
    command = [sys.executable, str(ROOT / "scripts" / "metrics_tables.py"), "--check"]
    done: Any = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
