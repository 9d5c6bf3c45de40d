"""PostgreSQL as the storage worker writes it: each batch one transaction, each effect at most once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from cloche.contracts.record import TerminalRecord
from cloche.kit.clock import parse
from cloche.kit.postgres import Connection, Pool, load_sql
from cloche.storage.coverage import Range
from cloche.storage.fold import CaseRow, Changes, Chunk, Poison, Progress, Terminal
from cloche.storage.settle import Verdict, settle
from cloche.storage.tally import count, write_tally

_SQL = {
    name: load_sql("cloche.storage", name)
    for name in (
        "output",
        "cases",
        "progress",
        "settling",
        "ranges",
        "finish",
        "waiting",
        "delete_of_batch",
        "delete_old",
        "delete_poison",
        "delete_unused",
        "hide_old_batches",
    )
}
#: So many of the records put aside are read at once.
_WAITING: Final = 500
_WAITING_BYTES: Final = 8 * 1024 * 1024


class RecordStore:
    """Applies batches. ``epoch`` is the bus's, kept beside every sequence."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ping(self) -> None:
        """Raises when PostgreSQL does not answer."""
        await self._pool.fetchval("SELECT 1", timeout=5)

    async def apply(self, changes: Changes, epoch: str, *, patient: bool = True) -> list[Verdict]:
        """Apply all of ``changes`` in one transaction; returns the verdicts that are now stored, repeats too.

        Records whose output is still on its way are put aside (``waiting``) unless not ``patient``.
        """
        async with self._pool.acquire() as session, session.transaction():
            await _write_output(session, changes.chunks, epoch)
            await _write_cases(session, changes.cases, epoch)
            verdicts = await _settle_all(session, changes, epoch, patient=patient)
            ended = {verdict.evaluation_id for verdict in verdicts}
            if going_on := {id_: p for id_, p in changes.progress.items() if id_ not in ended}:
                await _write_progress(session, going_on, epoch)
        return verdicts

    async def waiting(self) -> list[tuple[Terminal, float]]:
        """Records put aside, with how many seconds ago they came; the oldest, where they are many or large."""
        rows = await self._pool.fetch(_SQL["waiting"], _WAITING, _WAITING_BYTES)
        return [
            (Terminal(r["evaluation_id"], TerminalRecord.model_validate_json(r["record"])), r["age_s"]) for r in rows
        ]

    async def unfinished_among(self, ids: list[UUID]) -> set[UUID]:
        """Which of these have no verdict yet."""
        rows = await self._pool.fetch("SELECT id FROM evaluation WHERE id = ANY($1) AND status <> 'finished'", ids)
        return {row["id"] for row in rows}

    async def set_aside(self, poison: Sequence[Poison], shard: int) -> None:
        """Keep entries that can't be applied, with the reason."""
        await self._pool.executemany(
            "INSERT INTO poison_event (ledger_id, shard, reason, fields) VALUES ($1, $2, $3, $4::text::jsonb)",
            [(p.entry.ledger_id, shard, p.reason, _poison_fields(p)) for p in poison],
        )

    async def delete_before(self, first_kept: UUID, limit: int) -> int:
        """Delete up to ``limit`` finished evaluations with smaller ids, and all that belongs to them; how many."""
        return len(await self._pool.fetch(_SQL["delete_old"], first_kept, limit))

    async def hide_batches_before(self, first_kept: UUID) -> None:
        """Delete finished batches with smaller ids: hidden now, they are removed piece by piece."""
        await self._pool.execute(_SQL["hide_old_batches"], first_kept)

    async def deleted_batches(self) -> list[UUID]:
        """Batches that are hidden and still to be removed, the oldest first."""
        rows = await self._pool.fetch("SELECT id FROM batch WHERE deleted_at IS NOT NULL ORDER BY id LIMIT 10")
        return [row["id"] for row in rows]

    async def delete_of_batch(self, batch_id: UUID, limit: int) -> int:
        """Remove some ``limit`` evaluations of a deleted batch, and the batch after the last; how many those were."""
        count = len(await self._pool.fetch(_SQL["delete_of_batch"], batch_id, limit))
        if not count:
            await self._pool.execute("DELETE FROM batch WHERE id = $1 AND deleted_at IS NOT NULL", batch_id)
        return count

    async def delete_unused_before(self, moment: datetime) -> None:
        """Forget problems from before ``moment`` that no batch has."""
        await self._pool.execute(_SQL["delete_unused"], moment)

    async def delete_poison_before(self, moment: datetime) -> None:
        """Forget events that were set aside before ``moment``."""
        await self._pool.execute(_SQL["delete_poison"], moment)

    async def cursor(self) -> str:
        """How far the Queue Service's results were read; empty at the beginning."""
        return await self._pool.fetchval("SELECT position FROM storage_cursor WHERE name = 'results'") or ""

    async def move_cursor(self, position: str) -> None:
        """Results before ``position`` are dealt with."""
        await self._pool.execute(
            "INSERT INTO storage_cursor (name, position) VALUES ('results', $1)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position",
            position,
        )


async def _settle_all(session: Connection, changes: Changes, epoch: str, *, patient: bool) -> list[Verdict]:
    """The verdicts stored, each with what the batch knows of its evaluation's progress: that needs no write before."""
    terminals = list(changes.terminals.values())
    if not terminals:
        return []
    stored = await _stored_ranges(session, [t for t in terminals if t.record.last_event > 0])
    verdicts: list[Verdict] = []
    for terminal in terminals:
        verdict = settle(terminal, stored, patient=patient)
        if verdict is None:
            await session.execute(
                "INSERT INTO awaiting_output (evaluation_id, record)"
                " SELECT id, $2 FROM evaluation WHERE id = $1 AND status <> 'finished' ON CONFLICT DO NOTHING",
                terminal.evaluation_id,
                terminal.record.model_dump_json().encode(),
            )
        else:
            verdicts.append(verdict)
    await _write_output(session, [chunk for v in verdicts for chunk in v.chunks], epoch)
    await _write_cases(session, [case for v in verdicts for case in v.cases], epoch)
    await _finish(session, verdicts, changes.progress, epoch)
    return verdicts


async def _stored_ranges(session: Connection, terminals: list[Terminal]) -> dict[tuple[UUID, int], list[Range]]:
    """What is stored of these, of which nobody else stores any more until the transaction ends."""
    ranges: dict[tuple[UUID, int], list[Range]] = {}
    if terminals:
        ids = [t.evaluation_id for t in terminals]
        await session.execute(_SQL["settling"], ids)
        for row in await session.fetch(_SQL["ranges"], ids, [t.record.attempt for t in terminals]):
            ranges.setdefault((row["evaluation_id"], row["stream"]), []).append((row["range_start"], row["range_end"]))
    return ranges


async def _write_progress(session: Connection, progress: dict[UUID, Progress], epoch: str) -> None:
    values = list(progress.values())
    await session.execute(
        _SQL["progress"],
        list(progress),
        [p.attempt for p in values],
        [p.running for p in values],
        [p.queued_at for p in values],
        [p.queued_seq for p in values],
        [p.leased_at for p in values],
        [p.leased_seq for p in values],
        [p.started_at for p in values],
        [p.started_seq for p in values],
        [_plain(p.runtime) for p in values],
        [p.engine for p in values],
        [p.isolation for p in values],
        epoch,
    )


async def _write_output(session: Connection, chunks: Sequence[Chunk], epoch: str) -> None:
    if chunks:
        await session.execute(
            _SQL["output"],
            [c.evaluation_id for c in chunks],
            [c.attempt for c in chunks],
            [c.stream for c in chunks],
            [c.offset for c in chunks],
            [c.data for c in chunks],
            [c.seq or None for c in chunks],
            [c.at for c in chunks],
            epoch,
        )


async def _write_cases(session: Connection, cases: Sequence[CaseRow], epoch: str) -> None:
    newest = {(case.evaluation_id, case.attempt, case.index): case for case in cases}
    if newest:
        await session.execute(
            _SQL["cases"],
            [c.evaluation_id for c in newest.values()],
            [c.attempt for c in newest.values()],
            [c.index for c in newest.values()],
            [c.body for c in newest.values()],
            [c.seq or None for c in newest.values()],
            epoch,
        )


async def _finish(
    session: Connection, verdicts: Sequence[Verdict], progress: Mapping[UUID, Progress], epoch: str
) -> None:
    if not verdicts:
        return
    runs = [v.record.execution for v in verdicts]
    nothing = Progress()
    before = [progress.get(v.evaluation_id, nothing) for v in verdicts]
    mine = [p if p.attempt == v.record.attempt else nothing for p, v in zip(before, verdicts, strict=True)]
    rows = await session.fetch(
        _SQL["finish"],
        [v.evaluation_id for v in verdicts],
        [v.record.attempt for v in verdicts],
        [v.record.verdict for v in verdicts],
        [_plain(v.record.message) for v in verdicts],
        [_plain(run.runtime) if run else None for run in runs],
        [run.engine if run else None for run in runs],
        [run.isolation if run else None for run in runs],
        [run.usage.wall_time_ms if run else None for run in runs],
        [run.usage.cpu_time_ms if run else None for run in runs],
        [run.usage.peak_memory_bytes if run else None for run in runs],
        [p.queued_at or _time(v.record.queued_at) for p, v in zip(before, verdicts, strict=True)],
        [_time(v.record.leased_at) for v in verdicts],
        [_time(v.record.started_at) for v in verdicts],
        [_time(v.record.finished_at) for v in verdicts],
        [p.started_seq or _started_seq(v) for p, v in zip(mine, verdicts, strict=True)],
        [v.finished_seq for v in verdicts],
        [v.stripped for v in verdicts],
        [orjson.dumps(v.missing).decode() for v in verdicts],
        epoch,
        [p.queued_seq for p in before],
        [p.leased_seq for p in mine],
    )
    new = {row["id"]: row for row in rows}
    for verdict in verdicts:
        verdict.is_new = verdict.evaluation_id in new
    if tally := count(verdicts, new):
        await write_tally(session, tally)


def _started_seq(verdict: Verdict) -> int | None:
    return verdict.started_seq if verdict.record.started_at else None


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse(text)


def _plain(text: str | None) -> str | None:
    """PostgreSQL's text holds no NUL, and an executor's words are not trusted to have none."""
    return None if text is None else text.replace("\0", "\ufffd")


def _poison_fields(poison: Poison) -> str:
    entry = poison.entry
    body = entry.body[:4096].decode(errors="replace").replace("\0", "\ufffd")
    fields = {"subject": entry.subject[:64], "attempt": entry.attempt, "seq": entry.seq, "type": entry.type[:64]}
    return orjson.dumps({**fields, "body": body}).decode().replace("\\u0000", "\\ufffd")
