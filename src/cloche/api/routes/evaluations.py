"""Submit, list, read, cancel and rerun evaluations."""

from contextlib import AbstractContextManager
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ValidationError

from cloche.api.parts import Parts, get_parts
from cloche.api.store import ListFilter
from cloche.api.views import evaluation, summary
from cloche.contracts.evaluation import Evaluation, EvaluationPage
from cloche.contracts.submission import EvaluationRequest, GroupRequest, SubmittedGroup
from cloche.contracts.values import Moment
from cloche.contracts.words import Status, Verdict
from cloche.kit import tracing
from cloche.kit.http_app import PROBLEM_RESPONSES, validation_error
from cloche.kit.logs import about_evaluation, get_logger
from cloche.kit.people import Reader, Submitter

log = get_logger()

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


Wait = Annotated[
    float, Query(ge=0, le=60, allow_inf_nan=False, description="Hold the answer this many seconds for the verdict.")
]

T = TypeVar("T", bound=BaseModel)


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _read(model: type[T], raw: bytes) -> T:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False, include_input=False)) from None


@router.post("", status_code=201, openapi_extra=_body_of(EvaluationRequest), summary="Submit a program")
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
    body = _read(EvaluationRequest, raw)
    with _traced(request) as span:
        with parts.metrics.submission_seconds.time():
            ids = await parts.evaluations.submit(body, raw, tenant=caller.tenant, idempotency_key=idempotency_key)
        parts.metrics.submitted.inc()
        span.tell(evaluation_id=ids[0])
        return await _answer(parts, response, ids[0], caller.tenant, wait)


@router.post(":batch", status_code=201, openapi_extra=_body_of(GroupRequest), summary="Submit many programs")
async def submit_group(request: Request, caller: Submitter, idempotency_key: IdempotencyKey = None) -> SubmittedGroup:
    """Accept all of these or none: they are stored durably, in one transaction, when this answers."""
    parts = get_parts(request)
    raw = await request.body()
    group = _read(GroupRequest, raw)
    with _traced(request) as span, parts.metrics.submission_seconds.time():
        ids = await parts.evaluations.submit_group(
            group.evaluations, raw, tenant=caller.tenant, idempotency_key=idempotency_key
        )
        span.tell(evaluations=len(ids))
    parts.metrics.submitted.inc(len(ids))
    return SubmittedGroup(ids=ids)


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


@router.delete("/{evaluation_id}", status_code=204, summary="Delete")
async def delete_evaluation(request: Request, caller: Submitter, evaluation_id: EvaluationPath) -> None:
    """With its output, once it is finished. One of a batch goes with its batch only: it is counted there."""
    await get_parts(request).store.delete(evaluation_id, caller.tenant)


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
    with _traced(request) as span:
        ids = await parts.evaluations.rerun(evaluation_id, tenant=caller.tenant, idempotency_key=idempotency_key)
        parts.metrics.submitted.inc()
        span.tell(evaluation_id=ids[0], rerun_of=evaluation_id)
        return await _answer(parts, response, ids[0], caller.tenant, wait)


def _traced(request: Request) -> AbstractContextManager[tracing.Span]:
    """The span of a submission, below the caller's own if it sent one."""
    template: str = request.scope["route"].path
    return tracing.span(f"POST {template}", kind="server", parent=tracing.sent_place(request.headers))


async def _answer(parts: Parts, response: Response, evaluation_id: UUID, tenant: str, wait: float) -> Evaluation:
    response.headers["Location"] = f"/api/v1/evaluations/{evaluation_id}"
    with about_evaluation(evaluation_id):
        log.debug("evaluation.submitted")
        if wait:
            await parts.follower.wait_finished(evaluation_id, wait)
        return evaluation(await parts.store.load(evaluation_id, tenant))
