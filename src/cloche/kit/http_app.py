"""What every FastAPI application of Cloche has: problem+json errors, body cap, health, metrics."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloche.contracts.problem import FieldProblem, Problem
from cloche.kit.errors import ClocheError, InvalidRequestError, MalformedRequestError, TooLargeError, UnavailableError
from cloche.kit.http_metrics import MeteredHttp
from cloche.kit.logs import get_logger
from cloche.kit.metrics import ServiceRegistry

log = get_logger()

PROBLEM_TYPE = "application/problem+json"

#: For ``responses=`` of every route, so that clients get a typed error.
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request was refused.", "content": {PROBLEM_TYPE: {}}},
    503: {"model": Problem, "description": "A part that this needs does not answer.", "content": {PROBLEM_TYPE: {}}},
}


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """``problem`` as an HTTP answer."""
    body = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, status_code=problem.status, media_type=PROBLEM_TYPE, headers=headers)


def install_errors(app: FastAPI) -> None:
    """Turn every error into problem+json; defects are logged and answered without detail."""

    async def expected(_: Request, error: Exception) -> Response:
        assert isinstance(error, ClocheError)
        headers = {"Retry-After": "1"} if error.retryable else None
        return problem_response(error.problem(), headers)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(validation_error(error.errors()).problem())

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        problem = Problem(title=str(error.detail), status=error.status_code, code=code, detail=str(error.detail))
        return problem_response(problem, dict(error.headers or {}))

    async def left(_: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it

    async def defect(request: Request, error: Exception) -> Response:
        log.error("http.defect", method=request.method, route=_route(request), exc_info=error)
        return problem_response(
            Problem(title="Internal error", status=500, code="defect", detail="An unexpected error; it was logged.")
        )

    app.add_exception_handler(ClocheError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, left)
    app.add_exception_handler(Exception, defect)


def validation_error(errors: Iterable[Any]) -> InvalidRequestError:
    """Pydantic's findings as an error that names each field and limit; 400 when it is not JSON at all."""
    fields: list[FieldProblem] = []
    for error in list(errors)[:20]:
        context: dict[str, Any] = error.get("ctx") or {}
        limit = next((context[k] for k in ("le", "lt", "ge", "gt", "max_length", "min_length") if k in context), None)
        path = ".".join(str(part) for part in error["loc"] if part != "body")[:200]
        message = str(error["msg"])[:300]
        fields.append(
            FieldProblem(field=path, message=message, limit=limit if isinstance(limit, int | float) else None)
        )
        if error["type"] == "json_invalid":
            return MalformedRequestError("The body is not valid JSON.", errors=fields)
    detail = "; ".join(f"{f.field or 'body'}: {f.message}" for f in fields[:3])
    return InvalidRequestError(detail, errors=fields)


def install_operations(app: FastAPI, *, ready: Callable[[], Awaitable[None]], metrics: ServiceRegistry) -> None:
    """``/healthz`` (the process runs), ``/readyz`` (``ready`` does not raise), ``/metrics``, and counted requests.

    To be called after the application has its other middleware, so that what those refuse counts too.
    """
    app.add_middleware(MeteredHttp, meters=metrics.http)

    @app.get("/healthz", tags=["operations"])
    async def healthz() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]  (a route)
        """The process runs."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operations"], responses=PROBLEM_RESPONSES)
    async def readyz() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Everything this service needs answers."""
        try:
            await ready()
        except ClocheError:
            raise
        except Exception as error:
            log.warning("readiness.failed", error=type(error).__name__)
            raise UnavailableError from error
        return {"status": "ready"}

    @app.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
    async def read_metrics() -> Response:  # pyright: ignore[reportUnusedFunction]  (a route)
        """Prometheus metrics."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)


class StraightRoute(APIRoute):
    """A route whose endpoint takes the request as it is and answers with a response, told to FastAPI for its document.

    Without FastAPI's dependencies and files, a call costs half as much. For the routes of an application itself: a
    router that FastAPI includes would go around it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def has_left(request: Request) -> bool:
    """Whether the caller hung up, as far as is known by now. To be asked after the body was read.

    Starlette asks the same by a scope that it cancels, which costs more than the whole route.
    """
    asking = cast("Coroutine[Any, Any, Message]", request.receive())
    try:
        asking.send(None)
    except StopIteration as told:
        return told.value["type"] == "http.disconnect"
    asking.close()  # it would have waited
    return False


class BodyLimit:
    """ASGI middleware: a body over ``limit`` bytes is refused with 413, whatever its framing."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if length.isdigit() and int(length) > self._limit:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise TooLargeError(f"The body is larger than {self._limit} bytes.")
            return message

        await self._app(scope, counted, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = TooLargeError(f"The body is larger than {self._limit} bytes.")
        await problem_response(error.problem(), {"Connection": "close"})(scope, receive, send)


def _route(request: Request) -> str:
    route = request.scope.get("route")
    return getattr(route, "path", "unknown")
