"""What the guard lets through never fails later: not as JSON, not in storage."""

import json
from typing import Any
from uuid import UUID

import orjson
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cloche.contracts.events import Completed, Started
from cloche.contracts.execution import FinishedLine, StartedLine
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import TerminalRecord
from cloche.contracts.submission import Case, File, Program
from cloche.storage.fold import LedgerEntry, fold
from cloche.storage.settle import settle
from cloche.worker.guard import MisbehaviourError, StreamGuard

AT = "2026-01-01T00:00:00.000000Z"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SUBJECT = UUID(int=7)
PROGRAM = Program(
    runtime="python",
    files=[File(path="main.py", content="")],
    entrypoint="main.py",
    limits=Limits(),
    compile_limits=CompileLimits(),
    cases=[Case(name="a"), Case(name="b")],
)


def _case(index: int) -> dict[str, Any]:
    span = {"offset": 0, "kept": 0, "bytes": 0}
    return {
        "index": index, "name": "ab"[index], "verdict": "accepted", "message": "", "exit_code": 0, "signal": None,
        "usage": _usage(), "stdout": span, "stderr": dict(span), "evidence": _evidence(),
    }  # fmt: skip


def _usage() -> dict[str, Any]:
    return {"wall_time_ms": 1.0, "cpu_time_ms": 1.0, "peak_memory_bytes": 1, "memory_source": "cgroup"}


def _evidence() -> dict[str, Any]:
    return {
        "source": "exit", "limit": None, "limit_value": 1.0, "measured": 1.0, "killed_by": None,
        "killed_after_ms": 1.0, "oom_kills": 0, "detail": "",
    }  # fmt: skip


def _stream() -> dict[str, Any]:
    return {"bytes": 0, "kept": 0, "sha256": EMPTY, "data": ""}


def honest() -> dict[str, Any]:
    """The two lines of a run as one tree, so that any leaf of either can be replaced."""
    record = {
        "verdict": "accepted", "message": "", "evidence": _evidence(), "runtime": "python@3.11", "engine": "local",
        "isolation": "namespace", "isolation_features": ["seccomp"], "exit_code": 0, "signal": None,
        "usage": _usage(), "stdout": _stream(),
        "stderr": _stream(),
        "compile": {"exit_code": 0, "signal": None, "output": "", "output_bytes": 0, "truncated": False,
                    "usage": _usage()},
        "cases": [_case(0), _case(1)], "cell_ready_at": AT, "compiled_at": AT,
    }  # fmt: skip
    started = {"type": "started", "runtime": "python@3.11", "engine": "local", "isolation": "namespace", "at": AT}
    return {"started": started, "finished": {"type": "finished", "record": record}}


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return ([path] if path else []) + [found for key, value in children for found in _paths(value, (*path, key))]


TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z")
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | TIMES
    | st.sampled_from([2**53, 2**53 + 1, 2**63, 10**30, "\0", "\ud800", "YQ==", "cancelled", "Infinity", "a\nb"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)


def _value(path: tuple[Any, ...]) -> Any:
    place: Any = honest()
    for key in path:
        place = place[key]
    return place


def _near(path: tuple[Any, ...]) -> st.SearchStrategy[tuple[tuple[Any, ...], Any]]:
    """A value of the same kind, or a wild one."""
    match _value(path):
        case bool():
            kind: st.SearchStrategy[Any] = st.booleans()
        case int():
            kind = st.integers(min_value=-1)
        case float():
            kind = st.floats()
        case str() as text:
            kind = TIMES if text == AT else st.text()
        case _:
            kind = st.none()
    return st.tuples(st.just(path), kind | kind | LEAVES | JSON)


CHANGES = st.lists(st.sampled_from(_paths(honest())).flatmap(_near), max_size=2)


def changed(changes: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
    tree = honest()
    for path, value in changes:
        place: Any = tree
        for key in path[:-1]:
            place = place[key] if isinstance(place, dict | list) and _holds(place, key) else None
        if isinstance(place, dict | list) and _holds(place, path[-1]):
            place[path[-1]] = value
    return tree


def _holds(place: Any, key: Any) -> bool:
    return key in place if isinstance(place, dict) else isinstance(key, int) and key < len(place)


def guarded(tree: dict[str, Any]) -> tuple[StartedLine, FinishedLine] | None:
    guard = StreamGuard(PROGRAM)
    try:
        lines = [guard.accept(json.dumps(tree[name]).encode()) for name in ("started", "finished")]
    except MisbehaviourError:
        return None
    first, last = lines
    return (first, last) if isinstance(first, StartedLine) and isinstance(last, FinishedLine) else None


@settings(max_examples=1000, deadline=None)
@given(CHANGES)
def test_what_passes_the_guard_is_stored_without_a_defect(changes: list[tuple[tuple[Any, ...], Any]]):
    lines = guarded(changed(changes))
    event(f"passes: {lines is not None}")
    if lines is None:
        return
    start, last = lines
    record = TerminalRecord(
        verdict=last.record.verdict,
        message=last.record.message,
        evidence=last.record.evidence,
        attempt=1,
        execution=last.record,
        started_at=start.at,
        finished_at=AT,
    )
    raw = record.model_dump_json()
    assert TerminalRecord.model_validate_json(raw) == record
    assert b"\\u0000" not in orjson.dumps(orjson.loads(raw))
    began = Started(
        executor="x", runtime=start.runtime, engine=start.engine, isolation=start.isolation, started_at=start.at
    )
    completed = Completed(tenant="t", record=record)
    bodies = [("evaluation.started", began), ("evaluation.completed", completed)]
    entries = [
        LedgerEntry("1-0", str(SUBJECT), 1, seq, kind, body.model_dump_json().encode())
        for seq, (kind, body) in enumerate(bodies)
    ]
    changes_made = fold(entries)
    assert changes_made.poison == []
    assert settle(changes_made.terminals[SUBJECT], {}, patient=False) is not None


def test_the_honest_run_passes():
    assert guarded(honest()) is not None
