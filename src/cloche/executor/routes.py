"""The executor's HTTP interface: contracts/execution.py."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from cloche.contracts.capabilities import Capabilities
from cloche.contracts.execution import ExecutionRequest, ExecutorOffer, ExtendAnswer, ExtendRequest
from cloche.contracts.words import LeaseId
from cloche.executor.service import ExecutorService
from cloche.executor.streaming import StreamAnswer
from cloche.kit.http_app import PROBLEM_RESPONSES
from cloche.kit.tokens import require_caller
from cloche.kit.tracing import sent_place

_NDJSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/x-ndjson": {}}, "description": "One StreamLine a line."}
}


def build_routes(service: ExecutorService, worker_token: str) -> APIRouter:
    """Every route, for callers that hold the worker's token."""
    caller = Depends(require_caller({"worker": worker_token}, "worker"))
    router = APIRouter(prefix="/executor/v1", dependencies=[caller], responses=PROBLEM_RESPONSES)

    @router.post("/executions", responses=_NDJSON, response_class=Response)
    async def execute(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Run a program; lines come as they are known. The run ends with the connection."""
        try:
            wanted = ExecutionRequest.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
        return StreamAnswer(service.open(wanted, sent_place(request.headers)))

    @router.post("/executions/extend")
    async def extend(request: ExtendRequest) -> ExtendAnswer:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Push back deadlines in bulk."""
        return ExtendAnswer(extended=await service.extend(request.execution_ids, request.deadline_s))

    @router.post("/executions/{execution_id}/kill", status_code=204)
    async def kill(execution_id: LeaseId) -> None:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Cancel one execution."""
        await service.kill(execution_id)

    @router.get("/offer")
    async def offer() -> ExecutorOffer:  # pyright: ignore[reportUnusedFunction]  (a route)
        """What can be run here now."""
        return service.offer()

    @router.get("/capabilities")
    async def capabilities() -> Capabilities:  # pyright: ignore[reportUnusedFunction]  (a route)
        """What can be run here, and each test that says so."""
        return service.capabilities()

    return router
