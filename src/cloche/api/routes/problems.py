"""Problems: stored once, under their content."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from cloche.api.batches import views
from cloche.api.parts import get_parts
from cloche.api.routes.bodies import body_of
from cloche.contracts.batches import ProblemRequest, StoredProblem
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.people import Reader, Submitter

router = APIRouter(prefix="/api/v1/problems", tags=["batches"], responses=PROBLEM_RESPONSES)


@router.post("", status_code=201, openapi_extra=body_of(ProblemRequest), summary="Store a problem")
async def keep_problem(request: Request, response: Response, caller: Submitter) -> StoredProblem:
    """Idempotent: the id is the SHA-256 of the body as JSON with sorted keys and without spaces."""
    parts = get_parts(request)
    stored = await parts.batches.keep_problem(await request.body(), caller.tenant)
    response.headers["Location"] = f"/api/v1/problems/{stored.id}"
    return stored


@router.get("/{problem_id}", summary="Read a problem")
async def read_problem(
    request: Request, caller: Reader, problem_id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
) -> StoredProblem:
    """As it was stored."""
    parts = get_parts(request)
    return views.problem(await parts.batches.store.problem(caller.tenant, bytes.fromhex(problem_id)))
