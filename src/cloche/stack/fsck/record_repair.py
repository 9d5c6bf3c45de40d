"""Mending the record: verdicts from the queue's results, output from what is stored or named missing."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.kit.clock import iso, now
from cloche.kit.postgres import Connection, load_sql
from cloche.stack.fsck.look import Stores
from cloche.storage.coverage import Range, uncovered
from cloche.storage.fold import STREAM_NUMBERS, Changes, Terminal
from cloche.storage.record_store import RecordStore
from cloche.storage.settle import strip

_SQL: Final = {name: load_sql("cloche.stack.fsck", name) for name in ("authorities", "restate")}
_PIECE_BYTES: Final = 64 * 1024


async def mend_unread_result(stores: Stores, ids: Sequence[UUID]) -> None:
    """Store the queue's results, as the storage worker would."""
    rows = await stores.pool.fetch(
        "SELECT evaluation_id, record FROM queue.result WHERE evaluation_id = ANY($1)", list(ids)
    )
    await _store(stores, rows)


async def mend_awaiting(stores: Stores, ids: Sequence[UUID]) -> None:
    """Store the records that were put aside; what has not come is named missing."""
    rows = await stores.pool.fetch(
        "SELECT evaluation_id, record FROM awaiting_output WHERE evaluation_id = ANY($1)", list(ids)
    )
    await _store(stores, rows)


async def _store(stores: Stores, rows: Sequence[Any]) -> None:
    epoch = await stores.bus.epoch()
    for row in rows:
        terminal = Terminal(row["evaluation_id"], TerminalRecord.model_validate_json(row["record"]))
        changes = Changes(terminals={terminal.evaluation_id: terminal})
        await RecordStore(stores.pool).apply(changes, epoch, patient=False)
        await stores.bus.expire(str(terminal.evaluation_id))


async def mend_verdict(stores: Stores, ids: Sequence[UUID]) -> None:
    """Let evaluation and stored record say what the queue committed, else what the record says, else the columns."""
    for row in await stores.pool.fetch(_SQL["authorities"], list(ids)):
        record = _readable(row["queued"]) or _readable(row["recorded"]) or _from_columns(row)
        run = record.execution
        await stores.pool.execute(
            _SQL["restate"],
            row["id"],
            strip(record),
            record.verdict,
            record.message.replace("\0", "\ufffd"),
            record.attempt,
            run and run.engine,
            run and run.isolation,
            run and run.usage.wall_time_ms,
            run and run.usage.cpu_time_ms,
            run and run.usage.peak_memory_bytes,
        )


def _readable(given: bytes | None) -> TerminalRecord | None:
    """The record; None when there is none, or nothing that can be read."""
    try:
        return None if given is None else TerminalRecord.model_validate_json(given)
    except ValidationError:
        return None


def _from_columns(row: Any) -> TerminalRecord:
    return TerminalRecord(
        verdict=row["verdict"] or "internal_error",
        message=row["message"] or "The record of this run was lost.",
        evidence=Evidence(source="platform", detail="record_lost"),
        attempt=row["attempt"],
        finished_at=iso(row["finished_at"] or now()),
    )


async def mend_output(stores: Stores, ids: Sequence[UUID]) -> None:
    """Write each stream of the deciding attempt anew: without overlaps, from the record where it holds all."""
    for row in await stores.pool.fetch(_SQL["authorities"], list(ids)):
        record, queued = _readable(row["recorded"]), _readable(row["queued"])
        if record is None or record.execution is None:
            continue
        full = queued and queued.execution
        async with stores.pool.acquire() as session, session.transaction():
            missing: dict[str, list[Range]] = {}
            for stream in STREAM_NUMBERS:
                if holes := await _mend_stream(session, row, stream, record.execution, full):
                    missing[stream] = holes
            await session.execute(
                "UPDATE verdict_record SET missing = $2::text::jsonb WHERE evaluation_id = $1",
                row["id"],
                orjson.dumps(missing).decode(),
            )


async def _mend_stream(
    session: Connection, row: Any, stream: str, run: ExecutionRecord, full: ExecutionRecord | None
) -> list[Range]:
    """What is missing of it in the end."""
    key = (row["id"], row["attempt"], STREAM_NUMBERS[stream])
    summary: StreamSummary = getattr(run, stream)
    pieces = _without_overlaps(
        await session.fetch(
            "SELECT byte_offset, data, at FROM output WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3"
            " ORDER BY byte_offset",
            *key,
        ),
        summary.kept,
    )
    whole = b"".join(data for _, data in pieces)
    if not _fits(whole, summary):
        inline = base64.b64decode(getattr(full, stream).data or "") if full else b""
        if _fits(inline, summary):
            pieces = [(at, inline[at : at + _PIECE_BYTES]) for at in range(0, len(inline), _PIECE_BYTES)]
    await session.execute("DELETE FROM output WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3", *key)
    await session.executemany(
        "INSERT INTO output (evaluation_id, attempt, stream, byte_offset, data, at) VALUES ($1, $2, $3, $4, $5, $6)",
        [(*key, offset, data, row["finished_at"] or now()) for offset, data in pieces],
    )
    holes = uncovered(summary.kept, [(offset, offset + len(data)) for offset, data in pieces])
    if not holes and not _fits(b"".join(data for _, data in pieces), summary):
        await session.execute("DELETE FROM output WHERE evaluation_id = $1 AND attempt = $2 AND stream = $3", *key)
        return [(0, summary.kept)]
    return holes


def _without_overlaps(rows: Sequence[Any], end: int) -> list[tuple[int, bytes]]:
    """The bytes of these pieces, each once and none at or after ``end``; of two that overlap the first holds."""
    pieces: list[tuple[int, bytes]] = []
    reached = 0
    for row in rows:
        offset: int = row["byte_offset"]
        data: bytes = row["data"][max(0, reached - offset) : max(0, end - offset)]
        offset = max(offset, reached)
        if data:
            pieces.append((offset, data))
            reached = offset + len(data)
    return pieces


def _fits(data: bytes, summary: StreamSummary) -> bool:
    return len(data) == summary.kept and summary.sha256 in {"", hashlib.sha256(data).hexdigest()}
