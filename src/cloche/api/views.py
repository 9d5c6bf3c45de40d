"""From stored rows to the public JSON. No I/O."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from cloche.contracts.evaluation import (
    BatchPlace,
    CaseView,
    CompileView,
    Evaluation,
    EvaluationSummary,
    OutputView,
    SpanView,
    SubmittedProgram,
    Timeline,
)
from cloche.contracts.record import CaseResult, CompileResult, Span, StreamSummary, TerminalRecord
from cloche.contracts.words import STREAMS, Stream, isolation_note
from cloche.kit.clock import iso
from cloche.kit.postgres import Row
from cloche.kit.utf8 import open_tail

#: How many bytes of a stream the JSON of an evaluation shows.
SHOWN_BYTES = 64 * 1024

STREAM_NUMBERS: dict[Stream, int] = {"stdout": 1, "stderr": 2}
STREAM_NAMES: dict[int, Stream] = {number: name for name, number in STREAM_NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything PostgreSQL holds of one evaluation; heads are the first bytes of each stream."""

    row: Row
    heads: dict[Stream, bytes]
    written: dict[Stream, int]
    cases: Sequence[CaseResult]
    program: SubmittedProgram | None


def summary(row: Row) -> EvaluationSummary:
    """One row of a list."""
    return EvaluationSummary(**_summary_fields(row))


def evaluation(stored: Stored) -> Evaluation:
    """The whole public view."""
    row = stored.row
    record = TerminalRecord.model_validate_json(row["record"]) if row["record"] else None
    execution = record.execution if record else None
    missing: dict[str, list[tuple[int, int]]] = orjson.loads(row["missing"]) if row["missing"] else {}
    fields = _summary_fields(row)
    if execution is not None:
        timeline = fields["timeline"].model_copy(
            update={"cell_ready_at": execution.cell_ready_at, "compiled_at": execution.compiled_at}
        )
        fields["timeline"] = timeline
    outputs = {
        stream: _output_view(
            stored.heads[stream],
            getattr(execution, stream) if execution else None,
            stored.written[stream],
            missing.get(stream, []),
        )
        for stream in STREAMS
    }
    return Evaluation(
        **fields,
        isolation_features=execution.isolation_features if execution else [],
        isolation_note=isolation_note(fields["isolation"]),
        evidence=record.evidence if record else None,
        exit_code=execution.exit_code if execution else None,
        score=execution.score if execution else None,
        signal=execution.signal if execution else None,
        memory_source=execution.usage.memory_source if execution else None,
        stdout=outputs["stdout"],
        stderr=outputs["stderr"],
        compile=_compile_view(execution.compile) if execution and execution.compile else None,
        cases=[_case_view(case) for case in stored.cases],
        program=stored.program,
    )


def text_or_base64(data: bytes) -> tuple[str | None, str | None]:
    """(text, None) when ``data`` is UTF-8, else (None, base64)."""
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(data).decode()


def cut_at_character(data: bytes, limit: int) -> bytes:
    """At most ``limit`` bytes, not ending inside a UTF-8 sequence that goes on behind the cut."""
    if len(data) <= limit:
        return data
    cut = data[:limit]
    return cut[: len(cut) - open_tail(cut)]


def join_chunks(rows: Iterable[Row]) -> bytes:
    """The bytes from offset 0 up to the first hole."""
    parts: list[bytes] = []
    position = 0
    for row in rows:
        if row["byte_offset"] != position:
            break
        parts.append(row["data"])
        position += len(row["data"])
    return b"".join(parts)


def _summary_fields(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "verdict": row["verdict"],
        "message": row["message"],
        "name": row["name"],
        "labels": orjson.loads(row["labels"]),
        "runtime": row["runtime"],
        "engine": row["engine"],
        "isolation": row["isolation"],
        "attempts": row["attempt"],
        "wall_time_ms": row["wall_time_ms"],
        "cpu_time_ms": row["cpu_time_ms"],
        "peak_memory_bytes": row["peak_memory_bytes"],
        "cancel_requested": row["cancel_requested"],
        "rerun_of": row["rerun_of"],
        "batch": _place(row),
        "timeline": Timeline(
            created_at=iso(row["created_at"]),
            queued_at=_time(row["queued_at"]),
            leased_at=_time(row["leased_at"]),
            started_at=_time(row["started_at"]),
            cell_ready_at=None,
            compiled_at=None,
            finished_at=_time(row["finished_at"]),
            stored_at=_time(row["stored_at"]),
        ),
    }


def _place(row: Row) -> BatchPlace | None:
    if row["batch_id"] is None:
        return None
    return BatchPlace(
        id=row["batch_id"],
        problem=row["problem_key"] or "",
        problem_number=row["problem_number"],
        sample=row["sample"],
        repeat=row["repeat"],
        superseded=row["superseded"],
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _output_view(
    head: bytes, summary_: StreamSummary | None, written: int, missing: list[tuple[int, int]]
) -> OutputView:
    kept = summary_.kept if summary_ else written
    total = summary_.bytes if summary_ else written
    shown = cut_at_character(head, SHOWN_BYTES)
    if kept < total or summary_ is None:  # a limit or this moment cut it, wherever the program was
        shown = shown[: len(shown) - open_tail(shown)]
    text, encoded = text_or_base64(shown)
    return OutputView(
        text=text,
        base64=encoded,
        bytes=total,
        kept=kept,
        shown=len(shown),
        truncated=kept < total,
        missing=missing,
    )


def _compile_view(result: CompileResult) -> CompileView:
    return CompileView(
        exit_code=result.exit_code,
        signal=result.signal,
        output=base64.b64decode(result.output).decode(errors="replace"),
        output_bytes=result.output_bytes,
        truncated=result.truncated,
        wall_time_ms=result.usage.wall_time_ms,
        cpu_time_ms=result.usage.cpu_time_ms,
        peak_memory_bytes=result.usage.peak_memory_bytes,
    )


def _case_view(case: CaseResult) -> CaseView:
    return CaseView(
        index=case.index,
        name=case.name,
        verdict=case.verdict,
        message=case.message,
        exit_code=case.exit_code,
        signal=case.signal,
        wall_time_ms=case.usage.wall_time_ms,
        cpu_time_ms=case.usage.cpu_time_ms,
        peak_memory_bytes=case.usage.peak_memory_bytes,
        stdout=_span_view(case.stdout),
        stderr=_span_view(case.stderr),
        evidence=case.evidence,
        score=case.score,
    )


def _span_view(span: Span) -> SpanView:
    return SpanView(offset=span.offset, kept=span.kept, bytes=span.bytes)
