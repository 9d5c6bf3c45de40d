"""From a batch of ledger entries to what changes in the record. No I/O."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from cloche.contracts.events import CaseFinished, Completed, Leased, Output, Queued, Started
from cloche.contracts.record import TerminalRecord
from cloche.kit.clock import parse

STREAM_NUMBERS = {"stdout": 1, "stderr": 2}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event as it lies in a ledger; ``flow`` counts the ledger's bytes up to its end."""

    ledger_id: str
    subject: str
    attempt: int
    seq: int
    type: str
    body: bytes
    flow: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one stream."""

    evaluation_id: UUID
    attempt: int
    stream: int
    offset: int
    data: bytes
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A decided case as JSON."""

    evaluation_id: UUID
    attempt: int
    index: int
    body: bytes
    seq: int


@dataclass(slots=True)
class Progress:
    """The newest state of one evaluation in this batch; None where the batch says nothing."""

    attempt: int = 0
    running: bool = False
    queued_at: datetime | None = None
    queued_seq: int | None = None
    leased_at: datetime | None = None
    leased_seq: int | None = None
    started_at: datetime | None = None
    started_seq: int | None = None
    runtime: str | None = None
    engine: str | None = None
    isolation: str | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A committed record, and the sequence its event had (None when the reconciler found it)."""

    evaluation_id: UUID
    record: TerminalRecord
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Poison:
    """An entry that can't be applied, and why."""

    entry: LedgerEntry
    reason: str


@dataclass(slots=True)
class Changes:
    """All that a batch changes."""

    progress: dict[UUID, Progress] = field(default_factory=dict[UUID, Progress])
    chunks: list[Chunk] = field(default_factory=list[Chunk])
    cases: list[CaseRow] = field(default_factory=list[CaseRow])
    terminals: dict[UUID, Terminal] = field(default_factory=dict[UUID, Terminal])
    poison: list[Poison] = field(default_factory=list[Poison])


def fold(entries: Iterable[LedgerEntry]) -> Changes:
    """Merge a batch: one ``Progress`` an evaluation, a later attempt replacing an earlier one."""
    changes = Changes()
    for entry in entries:
        try:
            _apply(changes, entry)
        except Exception as error:  # noqa: BLE001  (whatever an event holds, it must not stop the others)
            changes.poison.append(Poison(entry, type(error).__name__))
    return changes


def _apply(changes: Changes, entry: LedgerEntry) -> None:
    evaluation_id = UUID(entry.subject)
    match entry.type:
        case "output":
            changes.chunks.append(_chunk(evaluation_id, entry))
        case "case.finished":
            case = CaseFinished.model_validate_json(entry.body).case
            row = CaseRow(evaluation_id, entry.attempt, case.index, case.model_dump_json().encode(), entry.seq)
            changes.cases.append(row)
        case "evaluation.completed":
            body = Completed.model_validate_json(entry.body)
            changes.terminals[evaluation_id] = Terminal(evaluation_id, body.record, entry.seq)
        case _:
            _apply_state(_progress(changes, evaluation_id, entry.attempt), entry)


def _apply_state(progress: Progress | None, entry: LedgerEntry) -> None:
    if progress is None:
        return
    match entry.type:
        case "evaluation.queued":
            progress.queued_at = parse(Queued.model_validate_json(entry.body).queued_at)
            progress.queued_seq = entry.seq
        case "evaluation.leased":
            progress.running = True
            leased = Leased.model_validate_json(entry.body)
            progress.leased_at, progress.leased_seq = parse(leased.leased_at), entry.seq
            if leased.queued_at is not None:
                progress.queued_at = parse(leased.queued_at)
        case "evaluation.started":
            body = Started.model_validate_json(entry.body)
            progress.running = True
            progress.started_at, progress.started_seq = parse(body.started_at), entry.seq
            progress.runtime, progress.engine, progress.isolation = body.runtime, body.engine, body.isolation
        case "evaluation.retried":
            progress.running = False
        case _:
            raise ValueError(f"unknown type {entry.type[:40]!r}")


def _progress(changes: Changes, evaluation_id: UUID, attempt: int) -> Progress | None:
    """The evaluation's progress for this attempt; None when the batch has a later attempt already."""
    progress = changes.progress.setdefault(evaluation_id, Progress(attempt=attempt))
    if attempt > progress.attempt:
        kept = Progress(attempt=attempt, queued_at=progress.queued_at, queued_seq=progress.queued_seq)
        changes.progress[evaluation_id] = kept
        return kept
    return progress if attempt in {0, progress.attempt} else None


def _chunk(evaluation_id: UUID, entry: LedgerEntry) -> Chunk:
    fields = orjson.loads(entry.body)
    body = Output.model_construct(**fields)
    return Chunk(
        evaluation_id,
        entry.attempt,
        STREAM_NUMBERS[body.stream],
        int(body.offset),
        base64.b64decode(body.data, validate=True),
        entry.seq,
        parse(body.at),
    )
