"""How large a body may be: uploads of batches, which are read as they come, have a limit of their own."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from cloche.kit.http_app import BodyLimit

_UPLOADS: Final = "/api/v1/batches"


class BodyLimits:
    """ASGI middleware: bodies over ``limit`` bytes are refused, streamed uploads over ``upload_limit``."""

    def __init__(self, app: ASGIApp, limit: int, upload_limit: int) -> None:
        self._usual = BodyLimit(app, limit)
        self._uploads = BodyLimit(app, upload_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._uploads if scope["type"] == "http" and _is_upload(scope) else self._usual
        await chosen(scope, receive, send)


def _is_upload(scope: Scope) -> bool:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return str(scope["path"]).endswith(_UPLOADS) and kind.lower().startswith(b"application/x-ndjson")
