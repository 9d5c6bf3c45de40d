"""``cloche runtimes``: what is listed of executors' offers and of this machine, and how bad input ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloche.cli.main import app
from cloche.cli.runtimes import offered
from cloche.contracts.execution import ExecutorOffer, RuntimeOffer, TierOffer
from cloche.contracts.tasks import ExecutorSeen
from cloche.executor.runtimes import load_runtimes

TIERS = [TierOffer(isolation="process", healthy=False), TierOffer(isolation="namespace", healthy=True)]


def seen(*, healthy: bool = True, stale: bool = False) -> ExecutorSeen:
    offer = ExecutorOffer(
        name="local",
        engine="local",
        isolation="namespace",
        slots=2,
        busy=0,
        healthy=healthy,
        tiers=TIERS,
        runtimes=[RuntimeOffer(name="python", version="3.11.7", tool="/usr/bin/python3.11")],
        refused_runtimes={"lua": "no lua on PATH"},
    )
    return ExecutorSeen(worker="w", seen_at="2026-11-23T17:32:49.523962Z", stale=stale, offer=offer)


def test_runtimes_are_ready_in_healthy_tiers_or_missing_with_the_reason() -> None:
    ready, missing = offered(seen())
    assert (ready.name, ready.state, ready.version, ready.isolation) == ("python", "ready", "3.11.7", "namespace")
    assert ready.detail == "/usr/bin/python3.11"
    assert (missing.name, missing.state, missing.detail) == ("lua", "missing", "no lua on PATH")


@pytest.mark.parametrize("changed", [{"healthy": False}, {"stale": True}])
def test_runtimes_of_an_executor_that_can_not_run_are_away(changed: dict[str, bool]) -> None:
    assert [row.state for row in offered(seen(**changed))] == ["away", "missing"]


def test_this_machine_is_looked_at_without_a_server(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["runtimes", "--here", "--json", "--data-dir", str(tmp_path)])
    rows = [json.loads(line) for line in ran.output.splitlines()]
    assert {row["name"] for row in rows} == {runtime.name for runtime in load_runtimes()}
    bash = next(row for row in rows if row["name"] == "bash")
    assert (bash["state"], bash["where"]) == ("found", "here")
    assert bash["version"]
    assert all(row["detail"] for row in rows)


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "bells"],
        ["add", "bells", "--venv", "/nowhere"],
        ["add", "bells", "--venv", "/nowhere", "--node-modules", "/nowhere"],
        ["add", "bells", "--venv", "/usr", "--from", "bash"],
        ["remove", "bells"],
    ],
)
def test_bad_input_ends_with_status_1_and_changes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    ran = CliRunner().invoke(app, ["runtimes", *arguments, "--data-dir", str(tmp_path)])
    assert ran.exit_code == 1
    assert "error:" in ran.output
    assert list(tmp_path.iterdir()) == []
