"""Submit, list, read, cancel and rerun evaluations."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator, ValidationError

from cloche.api.parts import Parts, get_parts
from cloche.api.store import ListFilter
from cloche.api.views import evaluation, summary
from cloche.contracts.evaluation import Evaluation, EvaluationPage
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.words import Status, Verdict
from cloche.kit.http_app import PROBLEM_RESPONSES, validation_error
from cloche.kit.people import Reader, Submitter

router = APIRouter(prefix="/api/v1/evaluations", tags=["evaluations"], responses=PROBLEM_RESPONSES)

EvaluationPath = Annotated[UUID, Path(description="The evaluation's id.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A repeat within 24 h answers the same evaluation; another body is refused.",
    ),
]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


def _written_out(text: str) -> str:
    """Pydantic would also take a bare number, in a unit that it guesses."""
    if not text.lstrip("+-").replace(".", "", 1).isdecimal():
        return text
    raise ValueError("needs a date, a time and an offset, such as 2026-01-31T00:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Wait = Annotated[
    float, Query(ge=0, le=60, allow_inf_nan=False, description="Hold the answer this many seconds for the verdict.")
]

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EvaluationRequest"}}},
    }
}


@router.post("", status_code=201, openapi_extra=_BODY, summary="Submit a program")
async def submit(
    request: Request,
    response: Response,
    caller: Submitter,
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Evaluation:
    """Accept a program for evaluation. It is stored durably when this answers."""
    parts = get_parts(request)
    raw = await request.body()
    try:
        body = EvaluationRequest.model_validate_json(raw)
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False, include_input=False)) from None
    submitted = await parts.evaluations.submit(body, raw, tenant=caller.tenant, idempotency_key=idempotency_key)
    parts.metrics.submitted.inc()
    return await _answer(parts, response, submitted.id, caller.tenant, wait)


@router.get("", summary="List evaluations")
async def list_evaluations(  # noqa: PLR0913, PLR0917  (each is a query parameter)
    request: Request,
    caller: Reader,
    status: Status | None = None,
    verdict: Verdict | None = None,
    runtime: Text = None,
    label: Annotated[
        str | None, Query(max_length=401, pattern=r"^[^:\x00]+:[^\x00]*$", description="key:value")
    ] = None,
    name: Annotated[Text, Query(description="Text that the name contains.")] = None,
    created_after: Moment | None = None,
    created_before: Moment | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EvaluationPage:
    """The tenant's evaluations, newest first, in keyset pages."""
    parts = get_parts(request)
    key, _, value = (label or "").partition(":")
    wanted = ListFilter(
        status=status,
        verdict=verdict,
        runtime=runtime,
        label=(key, value) if label else None,
        name=name,
        created_after=created_after,
        created_before=created_before,
    )
    rows, following = await parts.store.page(caller.tenant, wanted, cursor=cursor, limit=limit)
    return EvaluationPage(items=[summary(row) for row in rows], next=str(following) if following else None)


@router.get("/{evaluation_id}", summary="Read one evaluation")
async def read_evaluation(
    request: Request, caller: Reader, evaluation_id: EvaluationPath, wait: Wait = 0
) -> Evaluation:
    """Everything known about it; provisional until its status is ``finished``."""
    parts = get_parts(request)
    row = await parts.store.find(evaluation_id, caller.tenant)
    if wait and row["status"] != "finished" and await parts.follower.wait_finished(evaluation_id, wait):
        row = await parts.store.find(evaluation_id, caller.tenant)
    return evaluation(await parts.store.complete(row))


@router.post("/{evaluation_id}/cancel", status_code=202, summary="Cancel")
async def cancel(request: Request, caller: Submitter, evaluation_id: EvaluationPath) -> Evaluation:
    """Ask for a cancellation. Idempotent; a finished evaluation stays as it is."""
    parts = get_parts(request)
    await parts.evaluations.cancel(evaluation_id, tenant=caller.tenant)
    return evaluation(await parts.store.load(evaluation_id, caller.tenant))


@router.post("/{evaluation_id}/rerun", status_code=201, summary="Run the same program again")
async def rerun(
    request: Request,
    response: Response,
    caller: Submitter,
    evaluation_id: EvaluationPath,
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Evaluation:
    """A new evaluation with ``rerun_of``."""
    parts = get_parts(request)
    submitted = await parts.evaluations.rerun(evaluation_id, tenant=caller.tenant, idempotency_key=idempotency_key)
    return await _answer(parts, response, submitted.id, caller.tenant, wait)


async def _answer(parts: Parts, response: Response, evaluation_id: UUID, tenant: str, wait: float) -> Evaluation:
    response.headers["Location"] = f"/api/v1/evaluations/{evaluation_id}"
    if wait:
        await parts.follower.wait_finished(evaluation_id, wait)
    return evaluation(await parts.store.load(evaluation_id, tenant))
