"""Submit, list and read batches."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from cloche.api.batches import views
from cloche.api.batches.ndjson import Line, LineReader
from cloche.api.parts import get_parts
from cloche.api.routes.bodies import body_of
from cloche.api.routes.evaluations import IdempotencyKey
from cloche.contracts.batches import (
    Batch,
    BatchPage,
    BatchRequest,
    ProblemTallyPage,
    RerunRequest,
    SamplePage,
)
from cloche.contracts.tallies import MEASURE_VERDICT
from cloche.contracts.words import Status, Verdict
from cloche.kit.errors import InvalidRequestError, UnsupportedTypeError
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.people import Reader, Submitter

router = APIRouter(prefix="/api/v1/batches", tags=["batches"], responses=PROBLEM_RESPONSES)

BatchPath = Annotated[UUID, Path(description="The batch's id.")]
Partial = Annotated[bool, Query(description="Leave out lines that are wrong, and list them.")]
NDJSON = "application/x-ndjson"


@router.post("", status_code=201, openapi_extra=body_of(BatchRequest, ndjson=True), summary="Submit a batch")
async def submit_batch(
    request: Request,
    response: Response,
    caller: Submitter,
    partial: Partial = False,  # noqa: FBT002  (a query parameter)
    idempotency_key: IdempotencyKey = None,
) -> Batch:
    """Accept many evaluations of shared problems.

    As ``application/x-ndjson`` the first line is the batch's head, a line ``{"problem": {…}}`` a problem, any other an
    evaluation; it is stored while it comes, and what came first runs first.
    """
    parts = get_parts(request)
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == NDJSON:
        lines = _lines(request, parts.batches.max_line_bytes)
        batch_id = await parts.batches.upload(lines, tenant=caller.tenant, key=idempotency_key, partial=partial)
    elif kind == "application/json":
        body = await request.body()
        batch_id = await parts.batches.upload_body(body, tenant=caller.tenant, key=idempotency_key, partial=partial)
    else:
        raise UnsupportedTypeError(f"The content type must be application/json or {NDJSON}.")
    response.headers["Location"] = f"/api/v1/batches/{batch_id}"
    return await parts.batches.load(batch_id, caller.tenant)


async def _lines(request: Request, limit: int) -> AsyncIterator[Line]:
    reader = LineReader(limit)
    async for chunk in request.stream():
        for line in reader.feed(chunk):
            yield line
    for line in reader.end():
        yield line


@router.get("", summary="List batches")
async def list_batches(
    request: Request,
    caller: Reader,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BatchPage:
    """The tenant's batches, newest first, in keyset pages."""
    store = get_parts(request).batches.store
    rows, following = await store.page(caller.tenant, cursor, limit)
    counts = await store.counts([row["id"] for row in rows], MEASURE_VERDICT)
    items = [views.summary(row, counts[row["id"]]) for row in rows]
    return BatchPage(items=items, next=str(following) if following else None)


@router.get("/{batch_id}", summary="Read one batch")
async def read_batch(request: Request, caller: Reader, batch_id: BatchPath) -> Batch:
    """Progress and everything counted of it."""
    return await get_parts(request).batches.load(batch_id, caller.tenant)


@router.get("/{batch_id}/problems", summary="A batch's problems")
async def list_problems(
    request: Request,
    caller: Reader,
    batch_id: BatchPath,
    cursor: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> ProblemTallyPage:
    """Each with how many of its samples solved it, in the order of the upload."""
    store = get_parts(request).batches.store
    await store.find(batch_id, caller.tenant)
    rows, following = await store.problems(batch_id, cursor, limit)
    return ProblemTallyPage(items=[views.problem_tally(row) for row in rows], next=following)


@router.get("/{batch_id}/evaluations", summary="A batch's evaluations")
async def list_samples(  # noqa: PLR0913, PLR0917  (each is a query parameter)
    request: Request,
    caller: Reader,
    batch_id: BatchPath,
    status: Status | None = None,
    verdict: Verdict | None = None,
    problem: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The problem's number.")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> SamplePage:
    """In the order problem, sample, repeat; those that a rerun replaced are not among them."""
    store = get_parts(request).batches.store
    await store.find(batch_id, caller.tenant)
    after = _place(cursor) if cursor else (-1, -1, -1)
    rows, following = await store.samples(batch_id, after, limit, status=status, verdict=verdict, problem=problem)
    return SamplePage(
        items=[views.sample(row) for row in rows], next=".".join(map(str, following)) if following else None
    )


@router.post("/{batch_id}/cancel", status_code=202, summary="Cancel a batch")
async def cancel_batch(request: Request, caller: Submitter, batch_id: BatchPath) -> Batch:
    """Cancel what has not ended. Idempotent; a finished batch stays as it is."""
    batches = get_parts(request).batches
    await batches.cancel(batch_id, caller.tenant)
    return await batches.load(batch_id, caller.tenant)


@router.post("/{batch_id}/pause", summary="Pause a batch")
async def pause_batch(request: Request, caller: Submitter, batch_id: BatchPath) -> Batch:
    """Hold back what the queue was not told of. What it was told, a few seconds' work, still runs."""
    batches = get_parts(request).batches
    await batches.pause(batch_id, caller.tenant, paused=True)
    return await batches.load(batch_id, caller.tenant)


@router.post("/{batch_id}/resume", summary="Resume a batch")
async def resume_batch(request: Request, caller: Submitter, batch_id: BatchPath) -> Batch:
    """Go on with a batch that is paused."""
    batches = get_parts(request).batches
    await batches.pause(batch_id, caller.tenant, paused=False)
    return await batches.load(batch_id, caller.tenant)


@router.post("/{batch_id}/rerun", status_code=201, summary="Run evaluations of a batch again")
async def rerun_batch(
    request: Request,
    response: Response,
    caller: Submitter,
    batch_id: BatchPath,
    wanted: RerunRequest,
    idempotency_key: IdempotencyKey = None,
) -> Batch:
    """``ungradable`` ones in their own places; ``failed`` and ``all`` as a new batch with ``rerun_of``."""
    batches = get_parts(request).batches
    made = await batches.rerun(batch_id, caller.tenant, wanted.which, idempotency_key)
    response.headers["Location"] = f"/api/v1/batches/{made}"
    return await batches.load(made, caller.tenant)


@router.delete("/{batch_id}", status_code=204, summary="Delete a batch")
async def delete_batch(request: Request, caller: Submitter, batch_id: BatchPath) -> None:
    """With all its evaluations, once it is finished. It is hidden at once, and removed in the seconds after."""
    await get_parts(request).batches.delete(batch_id, caller.tenant)


def _place(cursor: str) -> tuple[int, int, int]:
    parts = [int(part) for part in cursor.split(".")]
    if len(parts) != 3:
        raise InvalidRequestError("cursor: must be one that a page gave as `next`.")
    return parts[0], parts[1], parts[2]
