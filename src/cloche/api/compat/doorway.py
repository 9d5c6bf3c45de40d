"""What every door has: its errors in the peer's words, keys where the peer's clients put them, origins."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from cloche.api.compat.options import DoorOptions
from cloche.contracts.words import Scope
from cloche.kit.database_errors import DATABASE_ERRORS, told
from cloche.kit.errors import ClocheError, ForbiddenError, NotFoundError, UnsupportedTypeError
from cloche.kit.http_app import validation_error
from cloche.kit.keys import Caller
from cloche.kit.people import KeyRing

#: How an error of ours looks to the peer's clients.
Refusal: TypeAlias = Callable[[ClocheError], Response]
T = TypeVar("T")

#: A key in a path may do no more than this: paths get around more than headers do.
PATH_KEY_SCOPES: Final = frozenset({"submit", "read"})
_ALL_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ALLOWED_HEADERS: Final = "Authorization, Content-Type, X-Auth-Token, X-Auth-User, Idempotency-Key"


def options_of(request: Request) -> DoorOptions:
    """The options of the application that serves ``request``."""
    return request.app.state.doors


def built(make: Callable[[], T]) -> T:
    """What ``make`` makes.

    Raises:
        InvalidRequestError: in its words or in those of our own contract.
    """
    try:
        return make()
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False, include_input=False)) from None


def door_router(prefix: str, refuse: Refusal) -> APIRouter:
    """A router below ``prefix`` whose errors ``refuse`` words, and which lets listed origins in."""

    class DoorRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    _check_origin(request)
                    answer = await inner(request)
                except ClocheError as error:
                    answer = _refused(refuse, error)
                except DATABASE_ERRORS as error:
                    answer = _refused(refuse, told(error))
                answer.headers.update(_cors(request))
                return answer

            return handle

    return APIRouter(prefix=prefix, route_class=DoorRoute, include_in_schema=False)


def _refused(refuse: Refusal, error: ClocheError) -> Response:
    answer = refuse(error)
    if error.retryable:
        answer.headers["Retry-After"] = "1"
    return answer


def close_router(router: APIRouter) -> None:
    """Answer every other path below it: preflights, and what is not there in the peer's words. Call last."""

    async def other(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        raise NotFoundError("There is no such route.")

    router.add_api_route("/{path:path}", other, methods=list(_ALL_METHODS), response_model=None)


async def caller_with(request: Request, key: str | None, *scopes: Scope) -> Caller:
    """The caller that holds ``key`` and at least one of ``scopes``.

    Raises:
        UnauthenticatedError: see ``KeyRing.holder``.
        ForbiddenError: the key lacks the scope.
    """
    keys: KeyRing = request.app.state.keys
    caller = await keys.holder(key)
    if not any(caller.may(scope) for scope in scopes):
        raise ForbiddenError(f"This key lacks the scope '{scopes[0]}'.")
    return caller


def header_key(request: Request, *names: str) -> str | None:
    """The key in the first of these headers that is there, bare or after ``Bearer``."""
    for name in names:
        value = request.headers.get(name, "").strip()
        if value:
            scheme, _, rest = value.partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else value
    return None


def check_path_key(caller: Caller) -> None:
    """Refuse a key that is worth too much to stand in a path.

    Raises:
        ForbiddenError: it has more than ``PATH_KEY_SCOPES``.
    """
    if not caller.scopes <= PATH_KEY_SCOPES:
        raise ForbiddenError("A key in a path may have the scopes submit and read alone.")


def is_json(request: Request) -> bool:
    """Whether the body is declared as JSON."""
    return _content_type(request) == "application/json"


def is_form(request: Request, caller: Caller) -> bool:
    """Whether the body is a form, which only a caller with a key may send: foreign pages can send forms.

    Raises:
        UnsupportedTypeError: it is neither JSON nor such a form.
    """
    if is_json(request):
        return False
    if _content_type(request) == "application/x-www-form-urlencoded" and caller.key_id is not None:
        return True
    raise UnsupportedTypeError


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_origin(request: Request) -> None:
    """With keys; without them the application's guard has refused foreign pages before."""
    origin = request.headers.get("origin")
    if origin is None or origin in options_of(request).origins:
        return
    try:
        own = urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:
        own = False
    if not own:
        raise ForbiddenError("Requests from other web pages are refused; see 'door_origins' in the settings.")


def _cors(request: Request) -> dict[str, str]:
    origin = request.headers.get("origin")
    if origin is None or origin not in options_of(request).origins:
        return {}
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if request.method == "OPTIONS":
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": "600",
        }
    return headers
