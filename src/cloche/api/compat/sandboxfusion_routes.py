"""The SandboxFusion door, ``/compat/sandboxfusion/…``, with the key before the last part if there is one."""

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from cloche.api.compat import sandboxfusion
from cloche.api.compat.doorway import (
    built,
    caller_with,
    check_path_key,
    close_router,
    door_router,
    header_key,
    is_json,
    options_of,
)
from cloche.api.compat.running import EVALUATION_HEADER, run
from cloche.api.compat.sandboxfusion_submit import Submit, as_problem, submit_answer
from cloche.contracts.words import Scope
from cloche.kit.errors import ClocheError, UnsupportedTypeError
from cloche.kit.keys import Caller

_KEYED = "/{key}"


def _refuse(error: ClocheError) -> Response:
    status, body = sandboxfusion.refusal(error)
    return JSONResponse(body, status)


router = door_router("/compat/sandboxfusion", _refuse)


async def run_code(request: Request) -> Response:
    """Run one program to its end."""
    caller = await _caller(request, "submit")
    if not is_json(request):
        raise UnsupportedTypeError
    try:
        body = sandboxfusion.RunCode.model_validate_json(await request.body())
    except ValidationError as error:
        return JSONResponse({"detail": sandboxfusion.details_of(error)}, 422)
    ran = await run(request, caller, built(lambda: sandboxfusion.as_request(body, options_of(request))))
    return JSONResponse(sandboxfusion.answer(ran), headers={EVALUATION_HEADER: str(ran.evaluation.id)})


async def submit(request: Request) -> Response:
    """Run one completion with the tests that it brings along."""
    caller = await _caller(request, "submit")
    if not is_json(request):
        raise UnsupportedTypeError
    try:
        body = Submit.model_validate_json(await request.body())
    except ValidationError as error:
        return JSONResponse({"detail": sandboxfusion.details_of(error)}, 422)
    problem = built(lambda: as_problem(body, options_of(request)))
    ran = await run(request, caller, problem.request)
    return JSONResponse(submit_answer(ran, body, problem), headers={EVALUATION_HEADER: str(ran.evaluation.id)})


async def list_datasets(request: Request) -> Response:
    """None is registered: problems come with the request."""
    await _caller(request, "submit", "read")
    return JSONResponse([])


async def ping(request: Request) -> Response:
    """Whether it answers."""
    await _caller(request, "submit", "read")
    return JSONResponse("pong")


async def _caller(request: Request, *scopes: Scope) -> Caller:
    key = request.path_params.get("key")
    if key is None:
        return await caller_with(request, header_key(request, "Authorization"), *scopes)
    caller = await caller_with(request, key, *scopes)
    check_path_key(caller)
    return caller


for _path, _method, _endpoint in (
    ("/run_code", "POST", run_code),
    ("/submit", "POST", submit),
    ("/list_datasets", "GET", list_datasets),
    ("/v1/ping", "GET", ping),
):
    router.add_api_route(_path, _endpoint, methods=[_method], response_model=None)
    router.add_api_route(f"{_KEYED}{_path}", _endpoint, methods=[_method], response_model=None)
close_router(router)
