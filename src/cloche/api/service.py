"""What the API Service does with a submission: check, store, tell the relay. One call, one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import orjson

from cloche.api.admission import Admission
from cloche.api.catalogue import CatalogueReader
from cloche.api.checks import MOST_PROBLEMS, check_placeable, check_submission, invalid
from cloche.api.outbox import OutboxRelay
from cloche.api.settings import ApiSettings
from cloche.api.store import EvaluationStore, NewEvaluation, Waiting, whole_program
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest, Program
from cloche.contracts.words import USUAL_LANE
from cloche.kit import tracing
from cloche.kit.clock import iso, now
from cloche.kit.errors import InvalidRequestError, NotFoundError
from cloche.kit.ids import uuid7


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
    ) -> list[UUID]:
        """Accept a submission, whose id is returned; it is durable then. An Idempotency-Key answers the first's.

        Raises:
            InvalidRequestError: a field is wrong, or the Idempotency-Key was used with another body.
            OverloadedError: the tenant has as much queued as it may; a repeat is answered all the same.
        """
        await self._admission.refresh()
        new = await self._checked(request, tenant)
        return await self._store_and_wake([new], raw, idempotency_key)

    async def submit_group(
        self, requests: Sequence[EvaluationRequest], raw: bytes, *, tenant: str, idempotency_key: str | None
    ) -> list[UUID]:
        """Accept all of these or none; their ids in the same order. Raises as ``submit``."""
        await self._admission.refresh()
        new: list[NewEvaluation] = []
        problems: list[FieldProblem] = []
        for index, request in enumerate(requests):
            try:
                new.append(await self._checked(request, tenant, in_group=True))
            except InvalidRequestError as error:
                problems += [
                    p.model_copy(update={"field": f"evaluations.{index}.{p.field}"}) for p in error.errors or ()
                ]
            if len(problems) >= MOST_PROBLEMS:
                break
        if problems:
            raise invalid(problems)
        return await self._store_and_wake(new, raw, idempotency_key)

    async def rerun(self, evaluation_id: UUID, *, tenant: str, idempotency_key: str | None) -> list[UUID]:
        """A new evaluation of the same program, with ``rerun_of``, that waits as the first did; its id.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
            InvalidRequestError: no executor offers its runtime any more.
            OverloadedError: the tenant has as much queued as it may.
        """
        row = await self._store.find(evaluation_id, tenant)
        stored = whole_program(row)
        if stored is None:
            raise NotFoundError("The program of this evaluation is not stored any more.")
        program = Program.model_validate_json(stored)
        check_placeable(program.runtime, program.isolation, await self._catalogue.catalogue(program.runtime))
        await self._admission.refresh()
        lane = row["lane"] if row["lane"] in self._admission.lanes else USUAL_LANE
        waiting = Waiting(lane, row["priority"], row["queue_timeout_s"])
        new = _new_evaluation(program, tenant, waiting, name=row["name"], labels=orjson.loads(row["labels"]))
        again = replace(new, rerun_of=evaluation_id)
        return await self._store_and_wake([again], evaluation_id.bytes, idempotency_key)

    async def cancel(self, evaluation_id: UUID, *, tenant: str) -> None:
        """Ask for a cancellation; idempotent, and without effect once finished.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        if await self._store.request_cancel(evaluation_id, tenant):
            self._relay.wake()

    async def _checked(self, request: EvaluationRequest, tenant: str, *, in_group: bool = False) -> NewEvaluation:
        catalogue = await self._catalogue.catalogue(request.runtime)
        program = check_submission(request, catalogue, self._admission.lanes, self._settings)
        return _new_evaluation(
            program,
            tenant,
            Waiting(request.lane, request.priority, request.queue_timeout_s),
            name=request.name,
            labels=request.labels,
            run_at=iso(request.run_at) if request.run_at else None,
            in_group=in_group,
        )

    async def _store_and_wake(self, new: Sequence[NewEvaluation], raw: bytes, key: str | None) -> list[UUID]:
        def admit() -> None:
            self._admission.enter(new[0].tenant, len(new))

        if key is None:
            admit()
            await self._store.submit(new)
        else:
            before = await self._store.submit_once(new, key, hashlib.sha256(raw).digest(), admit)
            if before is not None:
                return before
        self._relay.wake()
        return [each.id for each in new]


def _new_evaluation(  # noqa: PLR0913  (what an evaluation is made of)
    program: Program,
    tenant: str,
    waiting: Waiting,
    *,
    name: str,
    labels: dict[str, str],
    run_at: str | None = None,
    in_group: bool = False,
) -> NewEvaluation:
    evaluation_id = uuid7()
    task = orjson.dumps(
        {
            "evaluation_id": evaluation_id,
            "tenant": tenant,
            "lane": waiting.lane,
            "priority": waiting.priority,
            "runtime": program.runtime,
            "isolation": program.isolation,
            "queue_timeout_s": waiting.queue_timeout_s,
            "run_at": run_at,
            "trace_parent": _trace_of(evaluation_id) if in_group else tracing.place(),
        }
    )
    return NewEvaluation(evaluation_id, tenant, name, labels, program, waiting, task)


def _trace_of(evaluation_id: UUID) -> str | None:
    """A trace of its own: a thousand evaluations in one would help nobody."""
    return tracing.past("submit", now(), parent="", links=[tracing.place()], evaluation_id=evaluation_id)
