"""Rate, errors and duration of HTTP requests, by route. On every request's path, so it does little."""

import time
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The caller went before there was an answer.
_GONE: Final = 499


class HttpMeters:
    """Of all HTTP applications of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "cloche_http_request_duration_seconds",
            "From a request's head to its answer's head, however long the answer then streams. "
            "The route is a template, or unmatched; code 499 is a caller that went before.",
            ["method", "route", "code"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}
        self.open = 0
        running = Gauge("cloche_http_requests_in_progress", "Requests whose answer has not ended.", registry=registry)
        running.set_function(lambda: float(self.open))

    def note(self, scope: Scope, code: int, seconds: float) -> None:
        """One answer more. ``scope`` has been through the router, which left the route there."""
        method = scope["method"]
        key = (method if method in _METHODS else "other", getattr(scope.get("route"), "path", "unmatched"), code)
        series = self._known.get(key)
        if series is None:
            series = self._known[key] = self._seconds.labels(*key)
        series.observe(seconds)


class MeteredHttp:
    """ASGI middleware, to be the outermost but for what only changes headers: it counts what the others refuse too."""

    def __init__(self, app: ASGIApp, meters: HttpMeters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        answered = False
        meters = self._meters

        async def noting(message: Message) -> None:
            nonlocal answered
            if not answered and message["type"] == "http.response.start":
                answered = True
                meters.note(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        code = _GONE
        meters.open += 1
        try:
            await self._app(scope, receive, noting)
        except Exception:
            code = 500  # which Starlette answers further out
            raise
        finally:
            meters.open -= 1
            if not answered:
                meters.note(scope, code, time.perf_counter() - begun)
