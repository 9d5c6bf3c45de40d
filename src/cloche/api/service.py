"""What the API Service does with a submission: check, store, tell the relay. One call, one transaction."""

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import orjson

from cloche.api.admission import Admission
from cloche.api.catalogue import CatalogueReader
from cloche.api.checks import check_placeable, check_submission
from cloche.api.outbox import OutboxRelay
from cloche.api.settings import ApiSettings
from cloche.api.store import EvaluationStore, NewEvaluation
from cloche.contracts.submission import EvaluationRequest, Program
from cloche.kit.errors import NotFoundError
from cloche.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Submitted:
    """``repeated``: this Idempotency-Key had made the evaluation before."""

    id: UUID
    repeated: bool


class Evaluations:
    """Submitting, cancelling and rerunning."""

    def __init__(
        self,
        store: EvaluationStore,
        catalogue: CatalogueReader,
        admission: Admission,
        relay: OutboxRelay,
        settings: ApiSettings,
    ) -> None:
        self._store = store
        self._admission = admission
        self._catalogue = catalogue
        self._relay = relay
        self._settings = settings

    async def submit(
        self, request: EvaluationRequest, raw: bytes, *, tenant: str, idempotency_key: str | None
    ) -> Submitted:
        """Accept a submission; it is durable when this returns.

        Raises:
            InvalidRequestError: a field is wrong, or the Idempotency-Key was used with another body.
            OverloadedError: the tenant has as much queued as it may; a repeat is answered all the same.
        """
        program = check_submission(request, await self._catalogue.catalogue(request.runtime), self._settings)
        new = _new_evaluation(
            program,
            tenant,
            name=request.name,
            labels=request.labels,
            priority=request.priority,
            queue_timeout_s=request.queue_timeout_s,
        )
        return await self._store_and_wake(new, raw, idempotency_key)

    async def rerun(self, evaluation_id: UUID, *, tenant: str, idempotency_key: str | None) -> Submitted:
        """A new evaluation of the same program, with ``rerun_of``.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
            InvalidRequestError: no executor offers its runtime any more.
            OverloadedError: the tenant has as much queued as it may.
        """
        row = await self._store.find(evaluation_id, tenant)
        if row["program"] is None:
            raise NotFoundError("The program of this evaluation is not stored any more.")
        program = Program.model_validate_json(row["program"])
        check_placeable(program.runtime, program.isolation, await self._catalogue.catalogue(program.runtime))
        new = _new_evaluation(program, tenant, name=row["name"], labels=orjson.loads(row["labels"]))
        return await self._store_and_wake(replace(new, rerun_of=evaluation_id), evaluation_id.bytes, idempotency_key)

    async def cancel(self, evaluation_id: UUID, *, tenant: str) -> None:
        """Ask for a cancellation; idempotent, and without effect once finished.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        if await self._store.request_cancel(evaluation_id, tenant):
            self._relay.wake()

    async def _store_and_wake(self, new: NewEvaluation, raw: bytes, key: str | None) -> Submitted:
        await self._admission.refresh()
        admit = partial(self._admission.enter, new.tenant)
        if key is None:
            admit()
            await self._store.submit(new)
        else:
            before = await self._store.submit_once(new, key, hashlib.sha256(raw).digest(), admit)
            if before is not None:
                return Submitted(before, repeated=True)
        self._relay.wake()
        return Submitted(new.id, repeated=False)


def _new_evaluation(
    program: Program,
    tenant: str,
    *,
    name: str,
    labels: dict[str, str],
    priority: int = 0,
    queue_timeout_s: int = 86400,
) -> NewEvaluation:
    evaluation_id = uuid7()
    task = orjson.dumps(
        {
            "evaluation_id": evaluation_id,
            "tenant": tenant,
            "lane": "interactive",
            "priority": priority,
            "runtime": program.runtime,
            "isolation": program.isolation,
            "queue_timeout_s": queue_timeout_s,
        }
    )
    return NewEvaluation(evaluation_id, tenant, name, labels, program, task)
