"""Batches as requests and flows without I/O, as ``calls`` and ``flows`` have evaluations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import orjson

from cloche.client.calls import Call
from cloche.client.flows import Emit, Flow, Flows, Pause
from cloche.contracts.batches import Batch, SamplePage

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

    def cancel(self, batch_id: UUID) -> Flow[Batch]:
        """Cancel what has not ended."""
        return self.flows.ask(Call("POST", f"{_BATCHES}/{batch_id}/cancel"), Batch)

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
