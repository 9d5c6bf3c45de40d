"""Who may ask over HTTP: API keys, or on loopback without keys a check against foreign web pages."""

import time
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from cloche.contracts.words import Scope
from cloche.kit.errors import ForbiddenError, UnauthenticatedError, UnsupportedTypeError
from cloche.kit.http_app import problem_response
from cloche.kit.keys import FIND_KEY_SQL, LOCAL_CALLER, Caller, matches, split_key
from cloche.kit.postgres import Pool

#: A revoked key stops working after at most this long.
KEY_CACHE_S = 5.0
_KEY_CACHE_SIZE = 10_000
#: What no web page can send to another origin unasked.
_NO_FORM = frozenset({"application/json", "application/x-ndjson"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class KeyRing:
    """Looks keys up in PostgreSQL, remembering answers for ``KEY_CACHE_S``."""

    def __init__(self, pool: Pool, *, required: bool) -> None:
        self._pool = pool
        self.required = required
        self._known: dict[str, tuple[float, Caller]] = {}

    async def caller(self, request: Request) -> Caller:
        """Who asks.

        Raises:
            UnauthenticatedError: no key where one is required, or one that is not valid.
        """
        header = request.headers.get("authorization", "")
        if not header:
            return await self.holder(None)
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer":
            raise UnauthenticatedError("Use 'Authorization: Bearer <key>'.")
        return await self.holder(key.strip())

    async def holder(self, key: str | None) -> Caller:
        """Who holds ``key``; None is a caller that has none.

        Raises:
            UnauthenticatedError: as ``caller``.
        """
        if key is not None:
            return await self._look_up(key)
        if self.required:
            raise UnauthenticatedError
        return LOCAL_CALLER

    async def _look_up(self, key: str) -> Caller:
        now = time.monotonic()
        hit = self._known.get(key)
        if hit is not None and hit[0] > now:
            return hit[1]
        parts = split_key(key)
        row = await self._pool.fetchrow(FIND_KEY_SQL, parts[0]) if parts else None
        if parts is None or row is None or not matches(parts[1], row["secret_hash"]):
            raise UnauthenticatedError("This API key is not valid.")
        caller = Caller(row["tenant"], frozenset(row["scopes"]), parts[0])
        if len(self._known) >= _KEY_CACHE_SIZE:
            self._known.clear()
        self._known[key] = (now + KEY_CACHE_S, caller)
        return caller


def needs(scope: Scope) -> Callable[[Request], object]:
    """A FastAPI dependency: the caller, who must hold ``scope``. The app's state holds ``keys``.

    Raises (when called):
        UnauthenticatedError: see ``KeyRing.caller``.
        ForbiddenError: the key lacks the scope.
    """

    async def check(request: Request) -> Caller:
        keys: KeyRing = request.app.state.keys
        caller = await keys.caller(request)
        if not caller.may(scope):
            raise ForbiddenError(f"This key lacks the scope '{scope}'.")
        return caller

    return check


Submitter = Annotated[Caller, Depends(needs("submit"))]
Reader = Annotated[Caller, Depends(needs("read"))]
Operator = Annotated[Caller, Depends(needs("operate"))]


class ForeignPageGuard:
    """ASGI middleware: a web page of another origin can't make this server act.

    ``Host`` must be a loopback name or one of ``hosts`` (against DNS rebinding), ``Origin``, if
    there, must be that host, and a body must be declared ``application/json`` (a form post needs
    no preflight).
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._hosts = _LOOPBACK | hosts

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k: v.decode("latin-1") for k, v in scope["headers"]}
        refusal = self._refusal(scope["method"], headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(refusal.problem())(scope, receive, send)

    def _refusal(self, method: str, headers: dict[bytes, str]) -> ForbiddenError | UnsupportedTypeError | None:
        try:
            host = urlsplit(f"//{headers.get(b'host', '')}")
            name, port = host.hostname, host.port
        except ValueError:
            return ForbiddenError("The Host header is not valid.")
        if name not in self._hosts:
            return ForbiddenError("This server answers to loopback names only; see 'hosts' in the settings.")
        origin = headers.get(b"origin")
        if origin is not None and not self._same_origin(origin, port):
            return ForbiddenError("Requests from other web pages are refused.")
        if method in {"POST", "PUT", "PATCH", "DELETE"}:
            kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
            has_body = headers.get(b"content-length", "0") != "0" or b"transfer-encoding" in headers
            if (has_body or b"content-type" in headers) and kind not in _NO_FORM:
                return UnsupportedTypeError()
        return None

    def _same_origin(self, origin: str, port: int | None) -> bool:
        try:
            parts = urlsplit(origin)
            return parts.hostname in self._hosts and (parts.port or 80) == (port or 80)
        except ValueError:
            return False
