"""``python -m cloche.stack.web``: one port for people: the API, the queue's public face, the frontend."""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import uvloop
from fastapi import FastAPI

from cloche.api.app import create_app
from cloche.api.settings import ApiSettings
from cloche.kit.listen import open_listener
from cloche.kit.logs import configure_logs
from cloche.kit.serve import harden_process, serve
from cloche.kit.tracing import close_traces, configure_traces
from cloche.stack.front import FORWARDED_METHODS, Pages, QueueFace, SecurityHeaders, page_route


def web_app(settings: ApiSettings) -> FastAPI:
    """The API's application with the rest mounted behind its routes."""
    app = create_app(settings)
    if settings.queue_public:
        face = QueueFace(settings.queue_public)
        app.add_route("/queue/v1/{path:path}", face.forward, methods=list(FORWARDED_METHODS), include_in_schema=False)
        _close_with(app, face)
    app.router.routes.append(page_route(Pages(settings.web_dist or Path("/nonexistent"))))
    app.add_middleware(SecurityHeaders)
    return app


def _close_with(app: FastAPI, face: QueueFace) -> None:
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(of: FastAPI) -> AsyncGenerator[None]:
        async with inner(of):
            yield
        await face.close()

    app.router.lifespan_context = lifespan


def main() -> None:
    """Run until SIGTERM."""
    harden_process()
    settings = ApiSettings.load()
    configure_logs("web", settings.log_level)
    configure_traces("api")
    uvloop.run(serve([(web_app(settings), open_listener(settings.listen))], for_people=True))
    close_traces()


if __name__ == "__main__":
    main()
