"""The Piston door: ``/api/v2/…``, ``/api/v2/piston/…`` and ``/compat/piston/api/v2/…``; not its websocket."""

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from cloche.api.compat import piston, piston_answer
from cloche.api.compat.doorway import (
    built,
    caller_with,
    close_router,
    door_router,
    header_key,
    is_json,
    options_of,
)
from cloche.api.compat.piston_languages import PistonRuntime, runtimes_of
from cloche.api.compat.running import EVALUATION_HEADER, run
from cloche.api.parts import get_parts
from cloche.contracts.tasks import ExecutorsAnswer
from cloche.contracts.words import Scope
from cloche.kit.errors import ClocheError, ForbiddenError, InvalidRequestError, NotFoundError
from cloche.kit.keys import Caller

#: What it says of itself; clients only show it.
_GREETING = {"message": "Piston v3.1.1"}


def _refuse(error: ClocheError) -> Response:
    if isinstance(error, NotFoundError):
        return JSONResponse({"message": "Not Found"}, 404)
    status = 400 if isinstance(error, InvalidRequestError) else error.status
    return JSONResponse({"message": error.detail}, status)


async def runtimes(request: Request) -> Response:
    """What can be run."""
    await _caller(request, "submit", "read")
    return JSONResponse([runtime.listed() for runtime in await _runtimes(request)])


async def packages(request: Request) -> Response:
    """The same as packages, all of them installed."""
    await _caller(request, "submit", "read")
    return JSONResponse([runtime.packaged() for runtime in await _runtimes(request)])


async def change_packages(request: Request) -> Response:
    """Refused: what can be run is up to the executors."""
    await _caller(request, "submit", "read")
    raise ForbiddenError("Packages can't be installed or removed here; runtimes belong to the executors.")


async def execute(request: Request) -> Response:
    """Run one program to its end."""
    caller = await _caller(request, "submit")
    if not is_json(request):
        return JSONResponse({"message": "requests must be of type application/json"}, 415)
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        return JSONResponse({"stack": f"SyntaxError: {error.msg}"}, 400)
    known, options = await _runtimes(request), options_of(request)
    execution = built(lambda: piston.as_execution(body, known, options))
    ran = await run(request, caller, execution.request)
    headers = {EVALUATION_HEADER: str(ran.evaluation.id)}
    if ran.evaluation.verdict in {"internal_error", "cancelled"}:
        return JSONResponse({"message": ran.evaluation.message}, 500, headers)
    return JSONResponse(piston_answer.answer(ran, execution.runtime), headers=headers)


async def greet() -> Response:
    """What this is."""
    return JSONResponse(_GREETING)


class _Known:
    """The runtimes of the last catalogue, which stays the same object for a while."""

    def __init__(self) -> None:
        self._answer: ExecutorsAnswer | None = None
        self._runtimes: list[PistonRuntime] = []

    def of(self, answer: ExecutorsAnswer) -> list[PistonRuntime]:
        """The runtimes in ``answer``."""
        if answer is not self._answer:
            self._runtimes = runtimes_of(runtime for seen in answer.executors for runtime in seen.offer.runtimes)
            self._answer = answer
        return self._runtimes


_known = _Known()


async def _runtimes(request: Request) -> list[PistonRuntime]:
    return _known.of(await get_parts(request).catalogue.executors())


async def _caller(request: Request, *scopes: Scope) -> Caller:
    return await caller_with(request, header_key(request, "Authorization"), *scopes)


def _router(prefix: str) -> APIRouter:
    router = door_router(prefix, _refuse)
    router.add_api_route("/runtimes", runtimes, methods=["GET"], response_model=None)
    router.add_api_route("/execute", execute, methods=["POST"], response_model=None)
    router.add_api_route("/packages", packages, methods=["GET"], response_model=None)
    router.add_api_route("/packages", change_packages, methods=["POST", "DELETE"], response_model=None)
    close_router(router)
    return router


def _greeter() -> APIRouter:
    router = door_router("/compat/piston", _refuse)
    router.add_api_route("/", greet, methods=["GET"], response_model=None)
    close_router(router)
    return router


#: The longer prefixes first: each router answers for all that is below it.
routers = (_router("/api/v2/piston"), _router("/api/v2"), _router("/compat/piston/api/v2"), _greeter())
