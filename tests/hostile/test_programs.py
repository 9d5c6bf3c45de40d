"""Hostile programs through the real executor. A new one is a file and its expected outcome beside it.

``verdicts`` lists what may come out; ``stdout``, ``signal``, ``exit_code`` and the passed
``limit`` are exact where given; ``cases`` runs the program that often in one cell, each of which must end the same way.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from executor_under_test import ExecutorProcess, Worker, program, text

from cloche.contracts.limits import Limits
from cloche.contracts.submission import Case
from cloche.executor.engines.local.cgroups import find_roots

PROGRAMS = Path(__file__).parent / "programs"
EXPECTATIONS = sorted(PROGRAMS.glob("*.toml"))


@pytest.mark.parametrize("path", EXPECTATIONS, ids=lambda path: path.stem)
async def test_hostile_program_is_contained(executor: ExecutorProcess, worker: Worker, path: Path) -> None:
    expected, source = _read(path)
    limits = Limits(**expected.get("limits", {}))
    cases = [Case() for _ in range(expected.get("cases", 0))]
    before = _traces(executor)
    record = await worker.record(program(source, runtime=expected.get("runtime", "python"), limits=limits, cases=cases))
    assert record.verdict in expected["verdicts"], (record.message, text(record.stderr.data))
    assert record.evidence.limit == expected.get("limit", record.evidence.limit)
    assert {case.verdict for case in record.cases} <= set(expected["verdicts"])
    _compare(expected, record.exit_code, record.signal, text(record.stdout.data), len(cases) or 1)
    assert _traces(executor) == before
    assert (await worker.record(program("print('still here')"))).verdict == "accepted"


def _read(path: Path) -> tuple[dict[str, Any], str]:
    source = next(p for p in path.parent.glob(f"{path.stem}.*") if p.suffix != ".toml")
    return tomllib.loads(path.read_text(encoding="utf-8")), source.read_text(encoding="utf-8")


def _compare(expected: dict[str, Any], exit_code: int | None, signal: int | None, stdout: str, times: int) -> None:
    assert exit_code == expected.get("exit_code", exit_code)
    assert signal == expected.get("signal", signal)
    if "stdout" in expected:
        assert stdout == expected["stdout"] * times


def _traces(executor: ExecutorProcess) -> dict[str, list[str]]:
    """Everything a run might leave on this machine."""
    tree = _processes_below(executor.pid)
    groups = [p.name for root in find_roots().directories() for p in root.glob(f"cloche-{executor.pid}-*")]
    mounts = Path(f"/proc/{executor.pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    cells = [line for line in mounts if "cloche" in line and "/exposed-" not in line]
    files = [p.name for place in ("/tmp", "/dev/shm") for p in Path(place).glob("*mark*")]
    return {"processes": tree, "cgroups": groups, "mounts": cells, "files": files, "cells": _of_cells(executor)}


def _processes_below(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text(encoding="ascii").split()]


def _of_cells(executor: ExecutorProcess) -> list[str]:
    """Processes in a cgroup of this executor's cells, wherever they hang in the tree."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"/cloche-{executor.pid}-" in (entry / "cgroup").read_text(encoding="utf-8"):
                found.append(entry.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
