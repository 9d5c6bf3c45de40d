"""PostgreSQL as batches need it: uploads in, counts and pages out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.api.batches.intake import NewProblem, NewSample
from cloche.contracts.batches import MOST_BAD_LINES, BadLine, BatchHead
from cloche.kit.errors import InvalidRequestError, NotFoundError
from cloche.kit.postgres import Connection, Pool, Row, load_sql

_SQL: Final = {
    name: load_sql("cloche.api.batches", name)
    for name in (
        "add_lines",
        "add_problems",
        "add_samples",
        "cancel",
        "counts",
        "create",
        "delete",
        "export",
        "find",
        "finish",
        "page",
        "pause",
        "problems",
        "rates",
        "refuse",
        "samples",
        "upload",
    )
}
MAX_ID: Final = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch that begins with its upload."""

    id: UUID
    tenant: str
    head: BatchHead
    raw_head: bytes
    idempotency_key: str | None
    rerun_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """How far an upload is stored: lines, and the digest up to there; ``received`` once it is complete."""

    batch_id: UUID
    lines: int = 0
    digest: bytes = b""
    received: bool = False
    cancelled: bool = False


@dataclass(slots=True)
class Chunk:
    """Lines after ``after`` that are stored in one transaction. ``final`` completes the upload."""

    after: int
    lines: int
    digest: bytes
    problems: list[NewProblem]
    samples: list[NewSample]
    bad: list[BadLine]
    final: bool = False


class OvertakenError(Exception):
    """Another request with the same Idempotency-Key stored lines of this upload meanwhile."""


class RepeatedPlaceError(InvalidRequestError):
    """A place of the batch is taken twice; ``lines`` says by which."""

    def __init__(self, samples: Sequence[NewSample]) -> None:
        self.lines = sorted({sample.line for sample in samples})
        super().__init__("there is an evaluation of this problem and sample already")


class BatchStore:
    """Every query about batches; each method is one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def problem_body(self, tenant: str, problem_id: bytes) -> bytes | None:
        """The body of a stored problem."""
        return await self._pool.fetchval("SELECT body FROM problem WHERE tenant = $1 AND id = $2", tenant, problem_id)

    async def problem(self, tenant: str, problem_id: bytes) -> Row:
        """A stored problem.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        row = await self._pool.fetchrow("SELECT * FROM problem WHERE tenant = $1 AND id = $2", tenant, problem_id)
        if row is None:
            raise NotFoundError("There is no such problem.")
        return row

    async def keep_problem(self, tenant: str, problem_id: bytes, body: bytes, cases: int) -> None:
        """Store a problem; a repeat changes nothing."""
        await self._pool.execute(
            "INSERT INTO problem (tenant, id, body, cases) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            tenant,
            problem_id,
            body,
            cases,
        )

    async def upload_of(self, tenant: str, batch_id: UUID | None, key: str | None) -> Stored | None:
        """How far the upload came that this id or Idempotency-Key belongs to."""
        row = await self._pool.fetchrow(_SQL["upload"], tenant, batch_id, key)
        if row is None:
            return None
        cancelled = bool(row["refused"]) or (row["cancelled"] and not row["received"])
        return Stored(row["id"], row["lines"], row["digest"], row["received"], cancelled)

    async def add(self, new: NewBatch, chunk: Chunk, *, begin: bool) -> None:
        """Store a chunk, and before it the batch itself if it begins.

        Raises:
            OvertakenError: the batch is there already, with other lines.
            RepeatedPlaceError: two evaluations have one place; nothing of the chunk was stored.
        """
        async with self._pool.acquire() as session, session.transaction():
            if begin:
                await create(session, new)
            await write_lines(session, new, chunk)
            await _add_problems(session, new, chunk.problems)
            await add_samples(session, new, chunk.samples)

    async def refuse(self, batch_id: UUID, reason: str) -> None:
        """End the upload; what is stored of it is cancelled."""
        await self._pool.execute(_SQL["refuse"], batch_id, reason)

    async def note_if_finished(self, batch_id: UUID) -> None:
        """What is complete counts as such now, not only at the feed's next look."""
        await self._pool.execute(_SQL["finish"], batch_id)

    async def cancel(self, batch_id: UUID, tenant: str) -> bool:
        """Ask for the cancelling; False for a batch that is finished, or not there."""
        return await self._pool.fetchval(_SQL["cancel"], batch_id, tenant) is not None

    async def pause(self, batch_id: UUID, tenant: str, *, paused: bool) -> bool:
        """Hold the rest back, or no longer; False for a batch that is finished, cancelled, or not there."""
        return await self._pool.fetchval(_SQL["pause"], batch_id, tenant, paused) is not None

    async def delete(self, batch_id: UUID, tenant: str) -> bool:
        """Hide a finished batch; False for one that is not finished, or not there."""
        return await self._pool.fetchval(_SQL["delete"], batch_id, tenant) is not None

    async def find(self, batch_id: UUID, tenant: str) -> Row:
        """A batch.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        row = await self._pool.fetchrow(_SQL["find"], batch_id, tenant)
        if row is None:
            raise NotFoundError("There is no such batch.")
        return row

    async def page(self, tenant: str, cursor: UUID | None, limit: int) -> tuple[list[Row], UUID | None]:
        """Batches newest first, and the cursor of the next page if there is one."""
        rows = await self._pool.fetch(_SQL["page"], tenant, cursor or MAX_ID, limit + 1)
        return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None

    async def counts(
        self, batch_ids: Sequence[UUID], measure: int | None = None
    ) -> dict[UUID, dict[int, dict[int, int]]]:
        """Of each batch by measure and bucket."""
        found: dict[UUID, dict[int, dict[int, int]]] = {one: {} for one in batch_ids}
        for row in await self._pool.fetch(_SQL["counts"], list(batch_ids), measure):
            found[row["batch_id"]].setdefault(row["measure"], {})[row["bucket"]] = row["count"]
        return found

    async def rates(self, batch_id: UUID) -> list[Row]:
        """How many problems have c of n samples solved."""
        return await self._pool.fetch(_SQL["rates"], batch_id)

    async def problems(self, batch_id: UUID, after: int, limit: int) -> tuple[list[Row], int | None]:
        """A page of problems in their order, and after which number the next begins."""
        rows = await self._pool.fetch(_SQL["problems"], batch_id, after, limit + 1)
        return rows[:limit], rows[limit - 1]["number"] if len(rows) > limit else None

    async def samples(
        self, batch_id: UUID, after: tuple[int, int, int], limit: int, **wanted: Any
    ) -> tuple[list[Row], tuple[int, int, int] | None]:
        """A page of evaluations in their order, and after which place the next begins."""
        filters = [wanted.get(name) for name in ("status", "verdict", "problem")]
        rows = await self._pool.fetch(_SQL["samples"], batch_id, *after, *filters, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], (last["problem_number"], last["sample"], last["repeat"]) if last else None

    async def export(
        self, batch_id: UUID, after: tuple[int, int, int], limit: int, *, first_repeats: bool
    ) -> list[Row]:
        """As ``samples``, with their own programs."""
        return await self._pool.fetch(_SQL["export"], batch_id, *after, first_repeats, limit)


async def create(session: Connection, new: NewBatch) -> None:
    """Begin a batch. Raises: OvertakenError, if its Idempotency-Key was used."""
    head = new.head
    made = await session.fetchval(
        _SQL["create"],
        new.id,
        new.tenant,
        head.name,
        orjson.dumps(head.labels).decode(),
        head.lane,
        sorted(set(head.k)),
        head.repeat,
        new.raw_head,
        new.rerun_of,
        new.idempotency_key,
    )
    if made is None:
        raise OvertakenError


async def _add_problems(session: Connection, new: NewBatch, problems: Sequence[NewProblem]) -> None:
    if problems:
        await session.execute(
            _SQL["add_problems"],
            new.id,
            new.tenant,
            [p.number for p in problems],
            [p.key for p in problems],
            [p.id for p in problems],
            [p.body for p in problems],
            [p.cases for p in problems],
            [p.frame_id for p in problems],
            [p.frame for p in problems],
            [p.forgeable for p in problems],
        )


async def write_lines(session: Connection, new: NewBatch, chunk: Chunk) -> None:
    """Note how far the upload came. Raises: OvertakenError, if that is not where the chunk begins."""
    kept = await session.fetchval(
        _SQL["add_lines"],
        new.id,
        chunk.after,
        chunk.lines,
        chunk.digest,
        len(chunk.samples),
        orjson.dumps([line.model_dump() for line in chunk.bad[:MOST_BAD_LINES]]).decode(),
        len(chunk.bad),
        MOST_BAD_LINES,
        chunk.final,
    )
    if kept is None:
        raise OvertakenError


async def add_samples(session: Connection, new: NewBatch, samples: Sequence[NewSample]) -> None:
    """Store these. Raises: RepeatedPlaceError."""
    if not samples:
        return
    rows = await session.fetch(
        _SQL["add_samples"],
        new.id,
        new.tenant,
        [s.id for s in samples],
        [s.problem_number for s in samples],
        [s.sample for s in samples],
        [s.repeat for s in samples],
        [s.name for s in samples],
        [s.labels for s in samples],
        [s.runtime for s in samples],
        [s.own for s in samples],
        [s.task for s in samples],
        [s.priority for s in samples],
        [s.queue_timeout_s for s in samples],
        [s.rerun_of for s in samples],
        new.head.lane,
    )
    if len(rows) < len(samples):
        kept = {row["evaluation_id"] for row in rows}
        raise RepeatedPlaceError([s for s in samples if s.id not in kept])
