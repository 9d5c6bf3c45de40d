"""Running evaluations of a batch again: in their own places, or as a new batch."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from cloche.api.batches.frames import Frames
from cloche.api.batches.intake import NewSample, new_task
from cloche.api.batches.store import Chunk, NewBatch, OvertakenError, add_samples, create, write_lines
from cloche.contracts.batches import BatchHead
from cloche.contracts.submission import Program
from cloche.contracts.tallies import UNGRADABLE, VERDICTS
from cloche.contracts.words import Verdict
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import Connection, Pool, Row, load_sql

Which = Literal["failed", "ungradable", "all"]
Place = tuple[int, int, int]

_SQL: Final = {
    name: load_sql("cloche.api.batches", name) for name in ("chosen", "copy_problems", "reopen", "supersede", "uncount")
}
_AT_ONCE: Final = 500
_FIRST: Final[Place] = (-1, -1, -1)


def verdicts_of(which: Which) -> list[Verdict]:
    """What an evaluation ended with that is run again."""
    if which == "all":
        return list(VERDICTS)
    if which == "ungradable":
        return sorted(UNGRADABLE)
    return [verdict for verdict in VERDICTS if verdict not in UNGRADABLE and verdict != "accepted"]


class Reruns:
    """Each chunk of evaluations is one transaction: what a crash interrupts is done by asking again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._frames = Frames()

    async def in_place(self, batch: Row) -> int:
        """Run what is ungradable again; the new evaluations take the places of the old. How many they are."""
        before, count, after = uuid7(), 0, _FIRST
        while True:
            async with self._pool.acquire() as session, session.transaction():
                rows = await session.fetch(
                    _SQL["chosen"], batch["id"], verdicts_of("ungradable"), before, *after, _AT_ONCE
                )
                if not rows:
                    return count
                after = _place(rows[-1])
                gone = await session.fetch(_SQL["supersede"], batch["id"], [row["id"] for row in rows])
                ids = {row["id"] for row in gone}
                chosen = [row for row in rows if row["id"] in ids]
                if not chosen:
                    continue
                await add_samples(session, _same(batch), await self._samples(session, chosen, batch["lane"]))
                await _uncount(session, batch["id"], gone)
                if await session.fetchval(_SQL["reopen"], batch["id"], len(chosen)) is None:
                    raise NotFoundError("There is no such batch.")
                count += len(chosen)

    async def as_new_batch(self, batch: Row, which: Which, key: str | None) -> UUID:
        """A new batch with ``rerun_of``, of the chosen evaluations; its id.

        Raises:
            InvalidRequestError: there are none.
            ConflictError: another request with this Idempotency-Key is at it.
        """
        raw = bytes(batch["head"])
        new = NewBatch(uuid7(), batch["tenant"], BatchHead.model_validate_json(raw), raw, key, batch["id"])
        after, stored = _FIRST, 0
        while True:
            async with self._pool.acquire() as session, session.transaction():
                rows = await session.fetch(_SQL["chosen"], batch["id"], verdicts_of(which), new.id, *after, _AT_ONCE)
                if not rows and not stored:
                    raise InvalidRequestError("There is nothing to run again.")
                if not stored:
                    await _begin(session, new, batch["id"])
                samples = await self._samples(session, rows, batch["lane"])
                await add_samples(session, new, samples)
                chunk = Chunk(stored, stored + max(1, len(rows)), b"", [], samples, [], final=len(rows) < _AT_ONCE)
                await write_lines(session, new, chunk)
            stored = chunk.lines
            if chunk.final:
                return new.id
            after = _place(rows[-1])

    async def _samples(self, session: Connection, rows: Sequence[Row], lane: str) -> list[NewSample]:
        frames = await self._frames.load(session, [(row["tenant"], row["frame_id"]) for row in rows])
        return [_again(row, frames[row["tenant"], row["frame_id"]], lane) for row in rows]


def _again(row: Row, frame: dict[str, Any], lane: str) -> NewSample:
    part = {**frame, **orjson.loads(row["program"])}
    program = Program.model_construct(runtime=part["runtime"], isolation=part["isolation"])
    one = uuid7()
    return NewSample(
        id=one,
        line=0,
        problem_number=row["problem_number"],
        sample=row["sample"],
        repeat=row["repeat"],
        name=row["name"],
        labels=row["labels"],
        runtime=program.runtime,
        own=row["program"],
        task=new_task(one, row["tenant"], lane, row["priority"], row["queue_timeout_s"], program),
        priority=row["priority"],
        queue_timeout_s=row["queue_timeout_s"],
        rerun_of=row["id"],
    )


async def _begin(session: Connection, new: NewBatch, former: UUID) -> None:
    try:
        await create(session, new)
    except OvertakenError:
        raise ConflictError("A batch with this Idempotency-Key is being made.") from None
    await session.execute(_SQL["copy_problems"], former, new.id)


async def _uncount(session: Connection, batch_id: UUID, gone: Sequence[Row]) -> None:
    verdicts = Counter(VERDICTS.index(row["verdict"]) for row in gone)
    problems = Counter(row["problem_number"] for row in gone)
    await session.execute(
        _SQL["uncount"],
        batch_id,
        list(verdicts),
        list(verdicts.values()),
        list(problems),
        list(problems.values()),
    )


def _same(batch: Row) -> NewBatch:
    raw = bytes(batch["head"])
    return NewBatch(batch["id"], batch["tenant"], BatchHead.model_validate_json(raw), raw, None)


def _place(row: Row) -> Place:
    return row["problem_number"], row["sample"], row["repeat"]
