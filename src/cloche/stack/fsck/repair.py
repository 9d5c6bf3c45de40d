"""Mending what two looks found: the statement or the code of each kind, in the order of ``KINDS``."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from cloche.kit.postgres import load_sql
from cloche.stack.fsck import bus_repair, queue_repair, record_repair
from cloche.stack.fsck.disagreement import Disagreement, ids_of
from cloche.stack.fsck.look import Stores


async def _by_statement(name: str, stores: Stores, ids: Sequence[UUID]) -> None:
    await stores.pool.execute(load_sql("cloche.stack.fsck", name), list(ids))


_OF_EVALUATIONS: Final[dict[str, Callable[[Stores, Sequence[UUID]], Awaitable[None]]]] = {
    "task_and_result": partial(_by_statement, "mend_task_and_result"),
    "finished_but_queued": partial(_by_statement, "mend_finished_but_queued"),
    "orphan_task": partial(_by_statement, "mend_orphan_task"),
    "lost_enqueue": queue_repair.mend_lost_enqueue,
    "lost_task": queue_repair.mend_lost_task,
    "stuck_submission": queue_repair.mend_stuck_submission,
    "lease_overdue": queue_repair.mend_lease_overdue,
    "attempt_ahead": partial(_by_statement, "mend_attempt_ahead"),
    "unread_result": record_repair.mend_unread_result,
    "awaiting_too_long": record_repair.mend_awaiting,
    "no_record": record_repair.mend_verdict,
    "record_unreadable": record_repair.mend_verdict,
    "verdict_differs": record_repair.mend_verdict,
    "dead_letter_differs": record_repair.mend_verdict,
    "attempt_differs": record_repair.mend_verdict,
    "output_beyond": partial(_by_statement, "mend_output_beyond"),
    "output_overlaps": record_repair.mend_output,
    "output_differs": record_repair.mend_output,
    "stuck_event": queue_repair.mend_stuck_event,
}
_OF_SUBJECTS: Final[dict[str, Callable[[Stores, Sequence[str]], Awaitable[None]]]] = {
    "ledger_stuck": bus_repair.mend_ledger_stuck,
    "stream_kept": bus_repair.mend_stream_kept,
    "stream_orphan": bus_repair.mend_stream_orphan,
}


async def mend(stores: Stores, findings: Sequence[Disagreement]) -> None:
    """Mend all of ``findings``, which are in the order of their kinds. Safe to repeat and beside the services.

    Raises: what PostgreSQL and Redis raise when they are away.
    """
    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        mine: list[Any] = list(group)
        if kind in _OF_EVALUATIONS:
            await _OF_EVALUATIONS[kind](stores, ids_of(mine))
        else:
            await _OF_SUBJECTS[kind](stores, [finding.subject for finding in mine])
