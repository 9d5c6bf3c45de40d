"""Output from the ledger and a record from the reconciler at the same time, statement by statement in every order."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.kit.clock import parse
from cloche.kit.ids import uuid7
from cloche.storage.fold import Changes, Chunk, Terminal
from cloche.storage.record_store import RecordStore

from .interleavings import Call, Choice, Work, every_order, run_in_order

WHOLE = b"one\ntwo\nthree\n"
PIECES = ((0, b"one\n"), (4, b"two\n"), (8, b"three\n"))
AT = "2026-01-01T00:00:00.000000Z"


def work(*batches: Changes) -> Work:
    """What a storage worker does with these, one transaction each."""

    async def apply(pool: Any) -> None:
        for batch in batches:
            await RecordStore(pool).apply(batch, "e")

    return apply


def pieces(evaluation_id: UUID) -> list[Chunk]:
    """The output as the ledger has it."""
    at: datetime = parse(AT)
    return [Chunk(evaluation_id, 1, 1, offset, data, 3 + n, at) for n, (offset, data) in enumerate(PIECES)]


def ended(evaluation_id: UUID, carried: bool) -> Terminal:
    """The end as the Queue Service has it."""
    evidence = Evidence(source="exit")
    data = base64.b64encode(WHOLE).decode() if carried else None
    execution = ExecutionRecord(
        verdict="accepted",
        evidence=evidence,
        runtime="python@3.11",
        engine="local",
        isolation="namespace",
        stdout=StreamSummary(bytes=len(WHOLE), kept=len(WHOLE), data=data),
        stderr=StreamSummary(data=""),
    )
    record = TerminalRecord(
        verdict="accepted", evidence=evidence, attempt=1, last_event=4, execution=execution, finished_at=AT
    )
    return Terminal(evaluation_id, record, 6)


@pytest.mark.parametrize("carried", [True, False], ids=["carried", "awaited"])
async def test_output_is_stored_once_and_whole_whoever_comes_first(sessions: Sequence[Any], carried: bool) -> None:
    *two, owner = sessions

    async def run(wanted: Sequence[int]) -> list[Choice]:
        evaluation_id = uuid7()
        await owner.execute("INSERT INTO evaluation (id, tenant, runtime) VALUES ($1, 't', 'python')", evaluation_id)
        first, *rest = pieces(evaluation_id)
        of_ledger = work(Changes(chunks=[first]), Changes(chunks=rest))
        of_results = work(Changes(terminals={evaluation_id: ended(evaluation_id, carried)}))
        calls = [Call(session, each) for session, each in zip(two, (of_ledger, of_results), strict=True)]
        choices = await run_in_order(owner, calls, wanted)
        for call in calls:
            call.ended.result()
        assert await stored(owner, evaluation_id) == WHOLE, "".join(str(choice.taken) for choice in choices)
        return choices

    assert await every_order(run) > 1


async def stored(owner: asyncpg.Connection, evaluation_id: UUID) -> bytes:
    """All pieces one behind the other: one that is there twice shows."""
    rows = await owner.fetch("SELECT data FROM output WHERE evaluation_id = $1 ORDER BY byte_offset", evaluation_id)
    return b"".join(row["data"] for row in rows)
