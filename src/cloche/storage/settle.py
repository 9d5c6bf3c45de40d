"""Whether a committed record can be stored as the verdict now, and what it adds. No I/O."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cloche.contracts.record import INLINE_OUTPUT_BYTES, Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.kit.clock import iso_now, parse
from cloche.storage.coverage import Range, pieces, uncovered
from cloche.storage.fold import STREAM_NUMBERS, CaseRow, Chunk, Terminal

#: Stored byte ranges by (evaluation, stream number).
Ranges = Mapping[tuple[UUID, int], Sequence[Range]]


@dataclass(slots=True)
class Verdict:
    """A record that is ready: what to add, what is missing, and the sequences its events get.

    ``is_new`` says, once it is stored, whether it was not before.
    """

    terminal: Terminal
    stripped: bytes
    chunks: list[Chunk] = field(default_factory=list[Chunk])
    cases: list[CaseRow] = field(default_factory=list[CaseRow])
    missing: dict[str, list[Range]] = field(default_factory=dict[str, list[Range]])
    started_seq: int | None = None
    finished_seq: int | None = None
    is_new: bool = False

    @property
    def evaluation_id(self) -> UUID:
        """Whose verdict it is."""
        return self.terminal.evaluation_id

    @property
    def record(self) -> TerminalRecord:
        """The committed record."""
        return self.terminal.record


def settle(terminal: Terminal, stored: Ranges, *, patient: bool) -> Verdict | None:
    """The verdict to store; None while output is missing that may still come (only if ``patient``).

    What a watcher has not been told as an event of its own (start, inline output, cases) gets
    sequences behind the record's, so that a replay has every event in one order.
    """
    verdict = Verdict(terminal, strip(terminal.record))
    sequence = _Sequence(terminal.seq)
    verdict.started_seq = sequence.take()
    execution = terminal.record.execution
    if execution is not None:
        for stream, number in STREAM_NUMBERS.items():
            summary: StreamSummary = getattr(execution, stream)
            holes = uncovered(summary.kept, stored.get((terminal.evaluation_id, number), ()))
            if holes and summary.data is None:
                if patient:
                    return None
                verdict.missing[stream] = holes
            elif holes:
                verdict.chunks += _inline_chunks(terminal, number, summary, holes, sequence)
        verdict.cases = _case_rows(terminal, execution, sequence)
    verdict.finished_seq = sequence.take()
    return verdict


def strip(record: TerminalRecord) -> bytes:
    """The record as JSON without inline output and cases, which have tables of their own."""
    execution = record.execution
    if execution is not None:
        light: dict[str, object] = {
            "cases": [],
            "stdout": execution.stdout.model_copy(update={"data": None}),
            "stderr": execution.stderr.model_copy(update={"data": None}),
        }
        record = record.model_copy(update={"execution": execution.model_copy(update=light)})
    return record.model_dump_json().encode()


def unstorable(terminal: Terminal) -> Terminal:
    """What is stored instead of a record that PostgreSQL refuses: the platform's fault, with nothing of it."""
    record = TerminalRecord(
        verdict="internal_error",
        message="The record of this run could not be stored.",
        evidence=Evidence(source="platform", detail="record_refused"),
        attempt=terminal.record.attempt,
        finished_at=iso_now(),
    )
    return Terminal(terminal.evaluation_id, record, terminal.seq)


class _Sequence:
    """Counts on from the record's sequence; gives None when that is unknown."""

    def __init__(self, last: int | None) -> None:
        self._last = last

    def take(self) -> int | None:
        if self._last is None:
            return None
        self._last += 1
        return self._last


def _inline_chunks(
    terminal: Terminal, number: int, summary: StreamSummary, holes: Sequence[Range], sequence: _Sequence
) -> list[Chunk]:
    record = terminal.record
    at = parse(record.finished_at)
    data = base64.b64decode(summary.data or "")
    return [
        Chunk(terminal.evaluation_id, record.attempt, number, offset, piece, sequence.take() or 0, at)
        for offset, piece in pieces(data, holes, INLINE_OUTPUT_BYTES)
    ]


def _case_rows(terminal: Terminal, execution: ExecutionRecord, sequence: _Sequence) -> list[CaseRow]:
    attempt = terminal.record.attempt
    return [
        CaseRow(terminal.evaluation_id, attempt, case.index, case.model_dump_json().encode(), sequence.take() or 0)
        for case in execution.cases
    ]
