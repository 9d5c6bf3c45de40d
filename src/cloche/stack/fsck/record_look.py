"""One look at PostgreSQL: every pair of tables that must agree, in one snapshot."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.contracts.record import StreamSummary, TerminalRecord
from cloche.kit.postgres import load_sql
from cloche.stack.fsck.disagreement import Disagreement
from cloche.storage.fold import STREAM_NUMBERS

PACKAGE: Final = "cloche.stack.fsck"
#: Kinds that one statement finds, which has the kind's name.
STATEMENTS: Final = (
    "task_and_result",
    "finished_but_queued",
    "orphan_task",
    "lost_enqueue",
    "lost_task",
    "stuck_submission",
    "lease_overdue",
    "attempt_ahead",
    "unread_result",
    "awaiting_too_long",
    "no_record",
    "verdict_differs",
    "dead_letter_differs",
    "attempt_differs",
    "output_beyond",
    "output_overlaps",
    "stuck_event",
)
_SQL: Final = {name: load_sql(PACKAGE, name) for name in (*STATEMENTS, "records_page", "stored_output")}
_PAGE: Final = 200
_NO_ID: Final = UUID(int=0)


async def look_at_record(session: Any, since: UUID) -> AsyncIterator[Disagreement]:
    """What disagrees from the id ``since`` on. Needs a transaction of one snapshot; reads row by row."""
    for kind in STATEMENTS:
        async for row in session.cursor(_SQL[kind], since, prefetch=_PAGE):
            yield Disagreement(kind, str(row["id"]), row["detail"] or "")
    async for finding in _look_at_output(session, since):
        yield finding


async def _look_at_output(session: Any, since: UUID) -> AsyncIterator[Disagreement]:
    last = _NO_ID
    while rows := await session.fetch(_SQL["records_page"], last, since, _PAGE):
        last = rows[-1]["id"]
        stored: dict[tuple[UUID, int], Any] = {}
        for row in await session.fetch(
            _SQL["stored_output"], [row["id"] for row in rows], [row["attempt"] for row in rows]
        ):
            stored[row["id"], row["stream"]] = row
        for row in rows:
            if detail := _wrong_output(row, stored):
                yield Disagreement("output_differs", str(row["id"]), detail)


def _wrong_output(row: Any, stored: dict[tuple[UUID, int], Any]) -> str | None:
    """The first stream that is not as the record says, but for what is named missing."""
    record = TerminalRecord.model_validate_json(row["record"])
    if record.execution is None:
        return None
    missing = missing_ranges(row["missing"])
    for stream, number in STREAM_NUMBERS.items():
        summary: StreamSummary = getattr(record.execution, stream)
        have = stored.get((row["id"], number))
        have_bytes: int = have["bytes"] if have else 0
        expected = summary.kept - sum(end - start for start, end in missing.get(stream, ()))
        if have_bytes != expected:
            return f"{stream}: {have_bytes} bytes instead of {expected}"
        if have and summary.sha256 and not missing.get(stream) and have["sha256"] != summary.sha256:
            return f"{stream}: other bytes"
    return None


def missing_ranges(text: str) -> dict[str, list[tuple[int, int]]]:
    """The byte ranges of each stream that a record names missing."""
    return {stream: [(start, end) for start, end in ranges] for stream, ranges in orjson.loads(text).items()}
