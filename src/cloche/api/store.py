"""PostgreSQL as the API Service sees it: submissions in, stored evaluations out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from cloche.api.batches.layers import compose
from cloche.api.views import SHOWN_BYTES, STREAM_NAMES, STREAM_NUMBERS, Stored, join_chunks
from cloche.contracts.evaluation import SubmittedProgram
from cloche.contracts.record import CaseResult
from cloche.contracts.submission import Program
from cloche.contracts.words import STREAMS, Stream
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError
from cloche.kit.ids import uuid7_floor
from cloche.kit.postgres import Connection, Pool, Row, load_sql

_SQL = {
    name: load_sql("cloche.api", name)
    for name in (
        "submit",
        "detail",
        "list",
        "heads",
        "chunks",
        "written",
        "cases",
        "replay",
        "request_cancel",
        "stored_end",
    )
}
_MAX_ID = UUID(int=(1 << 128) - 1)
_MIN_ID = UUID(int=0)

#: A page is planned for the filters it has: one plan for all of them would read the whole list for a rare value.
_PLAN_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"

#: How long an ``Idempotency-Key`` is remembered. Source: DESIGN section 3.
IDEMPOTENCY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Waiting:
    """How an evaluation waits for its run."""

    lane: str
    priority: int
    queue_timeout_s: int


@dataclass(frozen=True, slots=True)
class NewEvaluation:
    """A checked submission, ready to be stored. ``task`` is the NewTask JSON without its program."""

    id: UUID
    tenant: str
    name: str
    labels: dict[str, str]
    program: Program
    waiting: Waiting
    task: bytes
    rerun_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What to list; None means any."""

    status: str | None = None
    verdict: str | None = None
    runtime: str | None = None
    label: tuple[str, str] | None = None
    name: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class EvaluationStore:
    """Every query of the API Service about evaluations; each method is one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ping(self) -> None:
        """Raises when PostgreSQL does not answer."""
        await self._pool.fetchval("SELECT 1", timeout=5)

    async def submit(self, new: Sequence[NewEvaluation]) -> None:
        """Store these evaluations of one tenant and their outbox rows."""
        await _insert(self._pool, new)

    async def submit_once(
        self, new: Sequence[NewEvaluation], key: str, request_hash: bytes, admit: Callable[[], None]
    ) -> list[UUID] | None:
        """Store unless ``key`` was used before; then the ids of the evaluations it made, else None.

        ``admit`` is asked only before something new is stored, and may raise.

        Raises:
            InvalidRequestError: the key was used with another body.
        """
        async with self._pool.acquire() as session, session.transaction():
            fresh = await session.fetchval(
                "INSERT INTO idempotency_key (tenant, key, request_hash, evaluation_ids) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (tenant, key) DO NOTHING RETURNING true",
                new[0].tenant,
                key,
                request_hash,
                [each.id for each in new],
            )
            if fresh:
                admit()
                await _insert(session, new)
                return None
            row = await session.fetchrow(
                "SELECT request_hash, evaluation_ids FROM idempotency_key WHERE tenant = $1 AND key = $2",
                new[0].tenant,
                key,
            )
        if row is None:
            raise ConflictError("This Idempotency-Key has just expired; send the request again.")
        if row["request_hash"] != request_hash:
            raise InvalidRequestError("This Idempotency-Key was used with another body.")
        return row["evaluation_ids"]

    async def forget_old_keys(self) -> None:
        """Drop idempotency keys that are past their time."""
        await self._pool.execute(
            "DELETE FROM idempotency_key WHERE created_at < now() - make_interval(hours => $1)", IDEMPOTENCY_HOURS
        )
        await self._pool.execute(
            "UPDATE batch SET idempotency_key = NULL"
            " WHERE idempotency_key IS NOT NULL AND received_at < now() - make_interval(hours => $1)",
            IDEMPOTENCY_HOURS,
        )

    async def find(self, evaluation_id: UUID, tenant: str) -> Row:
        """The row with record and program.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        row = await self._pool.fetchrow(_SQL["detail"], evaluation_id, tenant)
        if row is None:
            raise NotFoundError("There is no such evaluation.")
        return row

    async def load(self, evaluation_id: UUID, tenant: str) -> Stored:
        """Everything for the public view. Raises as ``find``."""
        async with self._pool.acquire() as session:
            row = await session.fetchrow(_SQL["detail"], evaluation_id, tenant)
            if row is None:
                raise NotFoundError("There is no such evaluation.")
            return await _complete(session, row)

    async def complete(self, row: Row) -> Stored:
        """Output heads and cases added to a row of ``find``."""
        async with self._pool.acquire() as session:
            return await _complete(session, row)

    async def cases(self, evaluation_id: UUID, attempt: int) -> list[tuple[Row, CaseResult]]:
        """The cases of an attempt in their order, each with its row."""
        return await _cases(self._pool, evaluation_id, attempt)

    async def chunks(
        self, evaluation_id: UUID, attempt: int, stream: Stream, start: int, end: int, *, count: int = 64
    ) -> list[Row]:
        """At most ``count`` chunks that overlap ``[start, end)``."""
        return await self._pool.fetch(_SQL["chunks"], evaluation_id, attempt, STREAM_NUMBERS[stream], start, end, count)

    async def stored_end(self, evaluation_id: UUID, attempt: int, stream: Stream) -> int:
        """How many bytes from the start of a stream are stored without a hole."""
        return await self._pool.fetchval(_SQL["stored_end"], evaluation_id, attempt, STREAM_NUMBERS[stream])

    async def replay(self, evaluation_id: UUID, attempt: int, stream: int, after: int) -> list[Row]:
        """A page of a stream's chunks that begin after an offset, in their order."""
        return await self._pool.fetch(_SQL["replay"], evaluation_id, attempt, stream, after)

    async def page(
        self, tenant: str, wanted: ListFilter, *, cursor: UUID | None, limit: int
    ) -> tuple[list[Row], UUID | None]:
        """Rows newest first, and the cursor of the next page if there is one."""
        low = uuid7_floor(wanted.created_after) if wanted.created_after else _MIN_ID
        high = uuid7_floor(wanted.created_before) if wanted.created_before else _MAX_ID
        label = orjson.dumps(dict([wanted.label])).decode() if wanted.label else None
        async with self._pool.acquire() as session, session.transaction():
            await session.execute(_PLAN_ANEW)
            rows = await session.fetch(
                _SQL["list"],
                tenant,
                min(high, cursor) if cursor else high,
                low,
                wanted.status,
                wanted.verdict,
                wanted.runtime,
                label,
                wanted.name or None,
                limit + 1,
            )
        return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None

    async def request_cancel(self, evaluation_id: UUID, tenant: str) -> bool:
        """Ask for a cancellation; False when it was asked before or the evaluation is finished.

        Raises:
            NotFoundError: as ``find``.
        """
        asked = await self._pool.fetchval(_SQL["request_cancel"], evaluation_id, tenant)
        if asked is None:
            await self.find(evaluation_id, tenant)
        return asked is not None

    async def delete(self, evaluation_id: UUID, tenant: str) -> None:
        """Remove a finished evaluation and all that belongs to it.

        Raises:
            ConflictError: it is not finished, or belongs to a batch.
            NotFoundError: as ``find``.
        """
        if await self._pool.fetchval("SELECT forget_evaluation($1, $2)", evaluation_id, tenant):
            return
        row = await self.find(evaluation_id, tenant)
        if row["batch_id"] is not None:
            raise ConflictError("It belongs to a batch: delete that.")
        raise ConflictError("It is not finished: cancel it first.")

    async def finished_among(self, ids: list[UUID]) -> list[UUID]:
        """Which of these are finished."""
        rows = await self._pool.fetch("SELECT id FROM evaluation WHERE id = ANY($1) AND status = 'finished'", ids)
        return [row["id"] for row in rows]

    async def owned_among(self, ids: list[UUID], tenant: str) -> list[UUID]:
        """Which of these belong to the tenant."""
        rows = await self._pool.fetch("SELECT id FROM evaluation WHERE id = ANY($1) AND tenant = $2", ids, tenant)
        return [row["id"] for row in rows]


def whole_program(row: Row) -> bytes | None:
    """The program of a row of ``find`` as JSON, whatever of it a batch shares; None when it is not stored any more."""
    if row["program"] is None or row["frame"] is None:
        return row["program"]
    return orjson.dumps(compose(orjson.loads(row["frame"]), row["program"]))


async def _complete(session: Connection, row: Row) -> Stored:
    attempt = row["attempt"]
    heads: dict[Stream, bytes] = dict.fromkeys(STREAMS, b"")
    written: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
    chunks = await session.fetch(_SQL["heads"], row["id"], attempt, SHOWN_BYTES + 4)
    for stream, number in STREAM_NUMBERS.items():
        heads[stream] = join_chunks([chunk for chunk in chunks if chunk["stream"] == number])
        written[stream] = len(heads[stream])
    summarised = row["record"] is not None and b'"execution":null' not in row["record"]
    if chunks and not summarised:
        for total in await session.fetch(_SQL["written"], row["id"], attempt):
            written[STREAM_NAMES[total["stream"]]] = total["bytes"]
    stored = whole_program(row)
    program = SubmittedProgram.model_validate_json(stored) if stored else None
    cases = await _cases(session, row["id"], attempt) if program and program.cases else []
    return Stored(row, heads, written, [case for _, case in cases], program)


async def _cases(connection: Connection, evaluation_id: UUID, attempt: int) -> list[tuple[Row, CaseResult]]:
    rows = await connection.fetch(_SQL["cases"], evaluation_id, attempt)
    return [(row, CaseResult.model_validate_json(row["body"])) for row in rows]


async def _insert(connection: Connection, new: Sequence[NewEvaluation]) -> None:
    await connection.execute(
        _SQL["submit"],
        new[0].tenant,
        [each.id for each in new],
        [each.name for each in new],
        [orjson.dumps(each.labels).decode() for each in new],
        [each.program.runtime for each in new],
        [each.rerun_of for each in new],
        [each.program.model_dump_json().encode() for each in new],
        [each.task for each in new],
        [each.waiting.lane for each in new],
        [each.waiting.priority for each in new],
        [each.waiting.queue_timeout_s for each in new],
    )
