"""The internal face, ``/queue/internal/v1``: what other services call, each with its token."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from cloche.contracts.tasks import (
    CancelAnswer,
    CancelRequest,
    CompleteAnswer,
    CompletedGroup,
    CompleteGroup,
    CompleteRequest,
    EnqueueAnswer,
    EnqueueRequest,
    ExecutorsAnswer,
    FailRequest,
    GoodbyeRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaseAnswer,
    LeaseRequest,
    LoadsAnswer,
    ResultsPage,
)
from cloche.kit.clock import now
from cloche.kit.http_app import StraightRoute, has_left
from cloche.kit.tokens import require_caller
from cloche.kit.tracing import sent_place
from cloche.queue.executors import Executors
from cloche.queue.faults import Faults
from cloche.queue.internal_document import told
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
    """The routes, to be the application's own. ``tokens`` maps ``api``, ``worker`` and ``storage`` to their secrets.

    Bodies are read and callers are checked here, not by FastAPI, which would cost as much again.
    """
    router = APIRouter(prefix=PREFIX, route_class=StraightRoute)
    _add_api_routes(router, face, tokens)
    _add_worker_routes(router, face, tokens)
    _add_fault_routes(router, face, tokens)
    storage = require_caller(tokens, "storage")

    async def results(request: Request, after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """Results after a cursor, in the order of their commits."""
        storage(request)
        rows, cursor = await face.results.page(after, limit)
        return Response(results_page(rows, cursor), media_type=_JSON)

    router.add_api_route("/results", results, route_class_override=APIRoute, **told("storage", ResultsPage))
    return router


def _add_api_routes(router: APIRouter, face: InternalFace, tokens: Mapping[str, str]) -> None:
    api = require_caller(tokens, "api")

    @router.post("/enqueue", **told("api", EnqueueAnswer, EnqueueRequest))
    async def enqueue(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Queue tasks; an id that was ever queued is left as it is."""
        api(request)
        begun = now()
        body = await _read(request, EnqueueRequest)
        answer = await face.tasks.enqueue(body.tasks)
        note_enqueued(body.tasks, begun, sent_place(request.headers))
        return _json(answer)

    @router.post("/cancel", **told("api", CancelAnswer, CancelRequest))
    async def cancel(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Cancel tasks, whatever state they are in."""
        api(request)
        body = await _read(request, CancelRequest)
        return _json(CancelAnswer(outcomes=await face.faults.cancel(body.evaluation_ids)))

    @router.get("/executors", **told("api", ExecutorsAnswer))
    async def executors(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """The executors as their workers last reported them."""
        api(request)
        return _json(ExecutorsAnswer(executors=await face.executors.seen()))

    @router.get("/loads", **told("api", LoadsAnswer))
    async def loads(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Tenants that have half of what they may queue, or more, and every lane."""
        api(request)
        return _json(await face.loads.now())


def _add_worker_routes(router: APIRouter, face: InternalFace, tokens: Mapping[str, str]) -> None:
    worker = require_caller(tokens, "worker")

    @router.post("/lease", **told("worker", LeaseAnswer, LeaseRequest))
    async def lease(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """A long poll for tasks that these executors can run."""
        worker(request)
        body = await _read(request, LeaseRequest)
        rows = await face.leasing.lease(body, partial(has_left, request))
        places = note_leased(rows, sent_place(request.headers))
        return Response(lease_answer(rows, places), media_type=_JSON)

    @router.post("/heartbeat", **told("worker", HeartbeatAnswer, HeartbeatRequest))
    async def heartbeat(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Extend leases, and hear which are cancelled or lost."""
        worker(request)
        body = await _read(request, HeartbeatRequest)
        answer = await face.tasks.heartbeat(body)
        await face.executors.touch(body.worker)
        return _json(answer)

    @router.post("/complete", **told("worker", CompleteAnswer, CompleteRequest))
    async def complete(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Commit the record of a run; 409 when the lease is lost or the task was cancelled first."""
        worker(request)
        begun = now()
        body = await _read(request, CompleteRequest)
        await face.tasks.complete(body)
        note_committed([body], begun, sent_place(request.headers))
        return _json(CompleteAnswer(state="done"))

    @router.post("/complete:batch", **told("worker", CompletedGroup, CompleteGroup))
    async def complete_group(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Commit several records, each fenced for itself."""
        worker(request)
        begun = now()
        body = await _read(request, CompleteGroup)
        done = await face.tasks.complete_group(body.completions)
        committed = [each for each in body.completions if each.evaluation_id in done]
        note_committed(committed, begun, sent_place(request.headers))
        return _json(CompletedGroup(done=done))


def _add_fault_routes(router: APIRouter, face: InternalFace, tokens: Mapping[str, str]) -> None:
    worker = require_caller(tokens, "worker")

    @router.post("/fail", **told("worker", CompleteAnswer, FailRequest))
    async def fail(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Report a platform fault; another attempt follows, or the end."""
        worker(request)
        begun = now()
        body = await _read(request, FailRequest)
        answer = await face.faults.fail(body)
        note_failed(body, answer, begun, sent_place(request.headers))
        return _json(answer)

    @router.post("/goodbye", **told("worker", None, GoodbyeRequest))
    async def goodbye(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Leave: what never started is queued again at once."""
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
