"""Dead letters: tasks that the platform could not run, kept on a list until somebody deals with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.contracts.queue_view import DeadLetter, DeadLetterPage, PastFault
from cloche.kit.clock import iso, parse
from cloche.kit.errors import NotFoundError
from cloche.kit.postgres import Pool, Row, load_sql
from cloche.queue.cursor import read_time_cursor, write_time_cursor

_PAGE: Final = load_sql("cloche.queue", "dead_page")
_ONE: Final = load_sql("cloche.queue", "dead_one")
_DISMISS: Final = load_sql("cloche.queue", "dead_dismiss")

_NEWEST: Final = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


class DeadLetters:
    """``tenant`` None means all tenants, which only an operator may ask for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, tenant: str | None, after: str | None, limit: int, reason: str | None) -> DeadLetterPage:
        """Dead letters, newest first.

        Raises:
            InvalidRequestError: ``after`` is no cursor.
        """
        moment, evaluation_id = read_time_cursor(after) if after else _NEWEST
        rows = await self._pool.fetch(_PAGE, tenant, moment, evaluation_id, limit + 1, reason)
        shown = rows[:limit]
        more = len(rows) > limit
        return DeadLetterPage(
            items=[_letter(row) for row in shown],
            next=write_time_cursor(shown[-1]["finished_at"], shown[-1]["evaluation_id"]) if more else None,
        )

    async def one(self, tenant: str | None, evaluation_id: UUID) -> DeadLetter:
        """One that is on the list.

        Raises:
            NotFoundError: it is not, or another tenant's.
        """
        row = await self._pool.fetchrow(_ONE, evaluation_id, tenant)
        if row is None:
            raise NotFoundError("There is no such dead letter.")
        return _letter(row)

    async def dismiss(self, evaluation_ids: Sequence[UUID]) -> int:
        """Take these off the list; how many were on it. Results and evaluations stay as they are."""
        return len(await self._pool.fetch(_DISMISS, list(evaluation_ids)))


def _letter(row: Row) -> DeadLetter:
    return DeadLetter(
        evaluation_id=row["evaluation_id"],
        tenant=row["tenant"],
        lane=row["lane"],
        reason=row["reason"],
        attempts=row["attempts"],
        finished_at=iso(row["finished_at"]),
        history=[_fault(fault) for fault in orjson.loads(row["faults"])],
    )


def _fault(fault: dict[str, Any]) -> PastFault:
    """PostgreSQL writes times into JSON in its own form."""
    times = {name: iso(parse(fault[name])) for name in ("leased_at", "ended_at") if fault[name]}
    return PastFault.model_validate({**fault, **times})
