"""Batches as requests and flows without I/O, as ``calls`` and ``flows`` have evaluations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

import httpx
import orjson

from cloche.client.calls import Call
from cloche.client.flows import Emit, Flow, Flows, Pause, Read
from cloche.client.wire import unreachable
from cloche.contracts.batches import Batch, BatchPage, RerunRequest, SamplePage
from cloche.kit.errors import NotFoundError

Order: TypeAlias = Literal["cancel", "pause", "resume"]
Which: TypeAlias = Literal["failed", "ungradable", "all"]
Format: TypeAlias = Literal["ndjson", "humaneval", "csv", "parquet"]

_BATCHES: Final = "/api/v1/batches"
_ENDED: Final = frozenset({"complete", "cancelled", "refused"})
#: Between two looks at a batch that goes on.
_LOOK_S: Final = 0.5
#: The server stores while it reads; a large upload is answered when all of it is stored.
_UPLOAD_S: Final = 600.0
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class BatchUpload:
    """What a batch is made of, as the API takes it: its head, its problems by key, its evaluations in order."""

    head: dict[str, Any]
    problems: Iterable[dict[str, Any]]
    evaluations: Iterable[dict[str, Any]]

    def ndjson(self) -> bytes:
        """All of it, a line each."""
        problems = (orjson.dumps({"problem": problem}) for problem in self.problems)
        evaluations = (orjson.dumps(evaluation) for evaluation in self.evaluations)
        return b"\n".join((orjson.dumps(self.head), *problems, *evaluations, b""))


@dataclass(frozen=True, slots=True)
class BatchFlows:
    """The flows of one server about batches. They raise as ``Flows``."""

    flows: Flows

    def submit(self, upload: BatchUpload, idempotency_key: str | None) -> Flow[Batch]:
        """Store a batch."""
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": idempotency_key or uuid4().hex}
        call = Call("POST", _BATCHES, headers=headers, body=upload.ndjson(), timeout_s=_UPLOAD_S)
        return self.flows.ask(call, Batch)

    def get(self, batch_id: UUID) -> Flow[Batch]:
        """Everything counted of one."""
        return self.flows.ask(Call("GET", f"{_BATCHES}/{batch_id}"), Batch)

    def order(self, batch_id: UUID, what: Order) -> Flow[Batch]:
        """Cancel, pause or resume it; idempotent."""
        return self.flows.ask(Call("POST", f"{_BATCHES}/{batch_id}/{what}"), Batch)

    def rerun(self, batch_id: UUID, which: Which, idempotency_key: str | None) -> Flow[Batch]:
        """Run some of it again; the batch in which they run."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or uuid4().hex}
        body = RerunRequest(which=which).model_dump_json().encode()
        return self.flows.ask(Call("POST", f"{_BATCHES}/{batch_id}/rerun", headers=headers, body=body), Batch)

    def delete(self, batch_id: UUID) -> Flow[None]:
        """Delete it and its evaluations, once it is finished. Idempotent: one that is gone is deleted."""
        gone = frozenset({NotFoundError.status})
        yield from self.flows.exchange(Call("DELETE", f"{_BATCHES}/{batch_id}", answered_by=gone))

    def pages(self, size: int) -> Flow[None]:
        """Emits ``BatchSummary``, newest first; a page is read when the one before is used up."""
        cursor: str | None = None
        while True:
            query = {"limit": str(size), **({"cursor": cursor} if cursor else {})}
            page = yield from self.flows.ask(Call("GET", _BATCHES, query), BatchPage)
            for item in page.items:
                yield Emit(item)
            cursor = page.next
            if cursor is None:
                return

    def results(self, batch_id: UUID, kind: Format) -> Flow[None]:
        """Emits the file in pieces. A connection that breaks in it is not resumed."""
        call = Call("GET", f"{_BATCHES}/{batch_id}/results", {"format": kind})
        yield from self.flows.exchange(call, streamed=True)
        while True:
            try:
                piece: bytes = yield Read()
            except httpx.RequestError as lost:
                raise unreachable(lost, self.flows.base_url) from None
            if not piece:
                return
            yield Emit(piece)

    def progress(self, batch_id: UUID) -> Flow[None]:
        """Emits ``Batch`` whenever more is finished, last when it has ended."""
        told: tuple[str, int] | None = None
        while True:
            batch = yield from self.get(batch_id)
            ended = batch.status in _ENDED
            if ended or told != (batch.status, batch.finished):
                told = (batch.status, batch.finished)
                yield Emit(batch)
            if ended:
                return
            yield Pause(_LOOK_S)

    def evaluations(self, batch_id: UUID) -> Flow[None]:
        """Emits ``SampleSummary`` in the order problem, sample, repeat, page by page."""
        cursor: str | None = None
        while True:
            query = {"limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            page = yield from self.flows.ask(Call("GET", f"{_BATCHES}/{batch_id}/evaluations", query), SamplePage)
            for item in page.items:
                yield Emit(item)
            cursor = page.next
            if cursor is None:
                return
