"""The built frontend and people's face of the queue, mounted beside the API on one port."""

import re
from pathlib import Path
from typing import Final

import aiohttp
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from yarl import URL

from cloche.kit.errors import NotFoundError, TooLargeError, UnavailableError
from cloche.kit.http_app import problem_response

#: Scripts and styles from here alone, none inline; pictures also as data, for the icons of styles.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")
_FORWARDED_REQUEST = ("authorization", "content-type", "host", "origin", "accept")
_FORWARDED_ANSWER = ("allow", "content-type", "retry-after")
#: The queue itself refuses those that it does not know.
FORWARDED_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MAX_BODY: Final = 1024 * 1024


class SecurityHeaders:
    """ASGI middleware: every answer says what a browser may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                is_page = any(k == b"content-type" and v.startswith(b"text/html") for k, v in headers)
                policy = PAGE_POLICY if is_page else DATA_POLICY
                headers += [
                    (b"content-security-policy", policy.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                    (b"cross-origin-opener-policy", b"same-origin"),
                    (b"cross-origin-resource-policy", b"same-origin"),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


class QueueFace:
    """Forwards ``/queue/v1/…`` to the Queue Service's public listener; knows no other path of it."""

    def __init__(self, address: str) -> None:
        self._base = "http://queue" if address.startswith("unix:") else address.rstrip("/")
        self._unix = address.removeprefix("unix:") if address.startswith("unix:") else None
        self._session: aiohttp.ClientSession | None = None

    async def forward(self, request: Request) -> Response:
        """One request to the queue's public face and its answer.

        Raises:
            TooLargeError: its body is larger than anything the queue reads.
        """
        headers = {name: request.headers[name] for name in _FORWARDED_REQUEST if name in request.headers}
        body = await request.body()
        if len(body) > _MAX_BODY:
            raise TooLargeError(f"The body is larger than {_MAX_BODY} bytes.")
        # As it was sent: what is decoded here would be another path there.
        path: str = request.scope["raw_path"].decode("ascii")
        query: str = request.scope["query_string"].decode("latin-1")
        target = URL(f"{self._base}{path}?{query}" if query else f"{self._base}{path}", encoded=True)
        try:
            async with self._open().request(
                request.method, target, data=body or None, headers=headers, skip_auto_headers=("Content-Type",)
            ) as answer:
                raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return problem_response(UnavailableError("The Queue Service does not answer.").problem())
        passed = {name: answer.headers[name] for name in _FORWARDED_ANSWER if name in answer.headers}
        return Response(raw, status_code=answer.status, headers=passed)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(self._unix) if self._unix else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15))
        return self._session


class Pages:
    """The built frontend: its files by name, its page for every other path."""

    def __init__(self, folder: Path) -> None:
        self._files = {f"/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}

    def __len__(self) -> int:
        return len(self._files)

    async def serve(self, request: Request) -> Response:
        """A file of the frontend, or its page, which routes by itself."""
        path = request.scope["path"]
        found = self._files.get(path) or self._files.get(path.rstrip("/") + "/index.html")
        if found is None and "." not in path.rsplit("/", 1)[-1]:
            found = self._files.get("/index.html")
        if found is None:
            return problem_response(NotFoundError("There is no such page.").problem())
        lasting = bool(_HASHED.search(found.name))
        return FileResponse(found, headers={"Cache-Control": "max-age=31536000, immutable" if lasting else "no-cache"})


class _PageConvertor(Convertor[str]):
    """Any path but the services' own: what they do not know is a 404 or 405 of theirs, never a page."""

    regex = "(?!api/|queue/|compat/).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _PageConvertor())


def page_route(pages: Pages) -> Route:
    """The route of every page, to be tried after the API's own."""

    async def page(request: Request) -> Response:
        if not pages:
            return PlainTextResponse("The page is not built. Run `make web`, or use the API: see /docs.\n", 404)
        return await pages.serve(request)

    return Route("/{path:page}", page, methods=["GET", "HEAD"], include_in_schema=False)
