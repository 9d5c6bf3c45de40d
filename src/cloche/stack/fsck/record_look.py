"""One look at PostgreSQL: every pair of tables that must agree, in one snapshot."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from cloche.kit.postgres import load_sql
from cloche.stack.fsck.disagreement import Disagreement
from cloche.stack.fsck.verdict_look import look_at_finished

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
    "dead_letter_differs",
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
    async for finding in _look_at_finished(session, since):
        yield finding


async def _look_at_finished(session: Any, since: UUID) -> AsyncIterator[Disagreement]:
    last = _NO_ID
    while rows := await session.fetch(_SQL["records_page"], last, since, _PAGE):
        last = rows[-1]["id"]
        output: dict[UUID, dict[int, Any]] = {row["id"]: {} for row in rows}
        stored = await session.fetch(_SQL["stored_output"], list(output), [row["attempt"] for row in rows])
        for row in stored:
            output[row["id"]][row["stream"]] = row
        for row in rows:
            for finding in look_at_finished(row, output[row["id"]]):
                yield finding
