"""Stored evaluations as the doors' translations read them, and what executors offer."""

import base64
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from cloche.api.compat.ending import Ran
from cloche.api.compat.options import DoorOptions
from cloche.contracts.evaluation import CaseView, CompileView, Evaluation, OutputView, SpanView, Timeline
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.limits import GIB, MAXIMA
from cloche.contracts.record import Evidence, LimitName

MakeRan = Callable[..., Ran]

TOKEN = UUID("01a22794-0646-7658-b426-032ad935d573")


@pytest.fixture
def options() -> DoorOptions:
    return DoorOptions(
        maxima=MAXIMA, memory_bytes=GIB, origins=frozenset(), most_source_bytes=1024 * 1024, most_files=100
    )


@pytest.fixture
def offers() -> list[RuntimeOffer]:
    return [
        RuntimeOffer(name="python", version="3.9.2", aliases=["python3", "py"], source_file="main.py"),
        RuntimeOffer(name="python", version="3.11.7", aliases=["python3", "py"], source_file="main.py"),
        RuntimeOffer(name="cpp", version="12.2.0", aliases=["c++", "g++"], compiled=True, source_file="main.cpp"),
        RuntimeOffer(name="c", version="12.2.0", aliases=["gcc"], compiled=True, source_file="main.c"),
        RuntimeOffer(name="javascript", version="20.20.2", aliases=["js"], source_file="main.js"),
        RuntimeOffer(name="lua", version="5.4", source_file="main.lua"),
    ]


@pytest.fixture
def ran() -> MakeRan:
    """An evaluation that ended well, but for what is given; ``stdout`` and ``stderr`` are bytes."""

    def make(
        stdout: bytes = b"", stderr: bytes = b"", cut: str = "", limit: LimitName | None = None, **given: Any
    ) -> Ran:
        evidence = Evidence(source="limit", limit=limit) if limit else given.pop("evidence", None)
        fields: dict[str, Any] = {
            "id": TOKEN,
            "status": "finished",
            "verdict": "accepted",
            "message": "",
            "name": "",
            "labels": {},
            "runtime": "python@3.11.7",
            "engine": "local",
            "isolation": "namespace",
            "attempts": 1,
            "wall_time_ms": 60.0,
            "cpu_time_ms": 12.0,
            "peak_memory_bytes": 3_317_760,
            "cancel_requested": False,
            "rerun_of": None,
            "timeline": timeline(),
            "evidence": evidence,
            "exit_code": 0,
            "signal": None,
            "memory_source": "cgroup",
            "stdout": output(stdout, truncated=cut == "stdout"),
            "stderr": output(stderr, truncated=cut == "stderr"),
            "compile": None,
            "cases": [],
            "program": None,
        }
        return Ran(Evaluation(**{**fields, **given}), stdout, stderr)

    return make


def output(data: bytes, *, truncated: bool) -> OutputView:
    encoded = base64.b64encode(data).decode()
    return OutputView(
        text=None,
        base64=encoded,
        bytes=len(data) + truncated,
        kept=len(data),
        shown=len(data),
        truncated=truncated,
        missing=[],
    )


def timeline() -> Timeline:
    moment = "2026-11-29T13:52:22.{}Z"
    return Timeline(
        created_at=moment.format("100999"),
        queued_at=None,
        leased_at=None,
        started_at=None,
        cell_ready_at=None,
        compiled_at=None,
        finished_at=moment.format("245000"),
        stored_at=None,
    )


@pytest.fixture
def compiled() -> Callable[..., CompileView]:
    def make(output: str = "", exit_code: int | None = 0, signal: int | None = None) -> CompileView:
        return CompileView(
            exit_code=exit_code,
            signal=signal,
            output=output,
            output_bytes=len(output),
            truncated=False,
            wall_time_ms=250.0,
            cpu_time_ms=200.0,
            peak_memory_bytes=1024,
        )

    return make


@pytest.fixture
def case() -> Callable[..., CaseView]:
    def make(index: int, **given: Any) -> CaseView:
        fields: dict[str, Any] = {
            "index": index,
            "name": "",
            "verdict": "accepted",
            "message": "",
            "exit_code": 0,
            "signal": None,
            "wall_time_ms": 10.0,
            "cpu_time_ms": 10.0,
            "peak_memory_bytes": 2048,
            "stdout": SpanView(offset=0, kept=0, bytes=0),
            "stderr": SpanView(offset=0, kept=0, bytes=0),
            "evidence": None,
        }
        return CaseView(**{**fields, **given})

    return make
