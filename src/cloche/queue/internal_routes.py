"""The internal face, ``/queue/internal/v1``: what other services call, each with its token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from cloche.contracts.tasks import (
    CancelAnswer,
    CancelRequest,
    CompleteAnswer,
    CompletedGroup,
    CompleteGroup,
    CompleteRequest,
    EnqueueRequest,
    ExecutorsAnswer,
    FailRequest,
    GoodbyeRequest,
    HeartbeatRequest,
    LeaseRequest,
)
from cloche.kit.clock import now
from cloche.kit.tokens import require_caller
from cloche.kit.tracing import sent_place
from cloche.queue.executors import Executors
from cloche.queue.faults import Faults
from cloche.queue.leasing import Leasing
from cloche.queue.loads import Loads
from cloche.queue.results import Results
from cloche.queue.tasks import Tasks
from cloche.queue.traced import note_committed, note_enqueued, note_failed, note_leased
from cloche.queue.wire import lease_answer, results_page

PREFIX: Final = "/queue/internal/v1"
_JSON: Final = "application/json"

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class InternalFace:
    """What the internal routes call."""

    tasks: Tasks
    faults: Faults
    leasing: Leasing
    executors: Executors
    results: Results
    loads: Loads


def internal_router(face: InternalFace, tokens: Mapping[str, str]) -> APIRouter:
    """The routes. ``tokens`` maps ``api``, ``worker`` and ``storage`` to their secrets.

    Bodies are read here and not by FastAPI, which would parse a program's JSON twice; callers are
    checked here because FastAPI runs a plain dependency in a thread.
    """
    router = APIRouter(prefix=PREFIX)
    _add_api_routes(router, face, tokens)
    _add_worker_routes(router, face, tokens)
    storage = require_caller(tokens, "storage")

    @router.get("/results")
    async def results(request: Request, after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        storage(request)
        rows, cursor = await face.results.page(after, limit)
        return Response(results_page(rows, cursor), media_type=_JSON)

    return router


def _add_api_routes(router: APIRouter, face: InternalFace, tokens: Mapping[str, str]) -> None:
    api = require_caller(tokens, "api")

    @router.post("/enqueue")
    async def enqueue(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        api(request)
        begun = now()
        body = await _read(request, EnqueueRequest)
        answer = await face.tasks.enqueue(body.tasks)
        note_enqueued(body.tasks, begun, sent_place(request.headers))
        return _json(answer)

    @router.post("/cancel")
    async def cancel(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        api(request)
        body = await _read(request, CancelRequest)
        return _json(CancelAnswer(outcomes=await face.faults.cancel(body.evaluation_ids)))

    @router.get("/executors")
    async def executors(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        api(request)
        return _json(ExecutorsAnswer(executors=await face.executors.seen()))

    @router.get("/loads")
    async def loads(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        api(request)
        return _json(await face.loads.now())


def _add_worker_routes(router: APIRouter, face: InternalFace, tokens: Mapping[str, str]) -> None:
    worker = require_caller(tokens, "worker")

    @router.post("/lease")
    async def lease(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        body = await _read(request, LeaseRequest)
        rows = await face.leasing.lease(body, request.is_disconnected)
        places = note_leased(rows, sent_place(request.headers))
        return Response(lease_answer(rows, places), media_type=_JSON)

    @router.post("/heartbeat")
    async def heartbeat(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        body = await _read(request, HeartbeatRequest)
        answer = await face.tasks.heartbeat(body)
        await face.executors.touch(body.worker)
        return _json(answer)

    @router.post("/complete")
    async def complete(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        begun = now()
        body = await _read(request, CompleteRequest)
        await face.tasks.complete(body)
        note_committed([body], begun, sent_place(request.headers))
        return _json(CompleteAnswer(state="done"))

    @router.post("/complete:batch")
    async def complete_group(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        begun = now()
        body = await _read(request, CompleteGroup)
        done = await face.tasks.complete_group(body.completions)
        committed = [each for each in body.completions if each.evaluation_id in done]
        note_committed(committed, begun, sent_place(request.headers))
        return _json(CompletedGroup(done=done))

    @router.post("/fail")
    async def fail(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        begun = now()
        body = await _read(request, FailRequest)
        answer = await face.faults.fail(body)
        note_failed(body, answer, begun, sent_place(request.headers))
        return _json(answer)

    @router.post("/goodbye")
    async def goodbye(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        worker(request)
        body = await _read(request, GoodbyeRequest)
        await face.faults.release([(key.evaluation_id, key.lease_id) for key in body.unstarted])
        await face.executors.leave(body.worker)
        return Response(status_code=204)


async def _read(request: Request, model: type[Body]) -> Body:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type=_JSON)
