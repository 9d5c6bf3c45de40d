"""Counting requests at the outermost place of an application, whatever becomes of them."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from cloche.kit.http_metrics import HttpMeters, MeteredHttp
from cloche.kit.metrics import ServiceRegistry


class Calls:
    """An application with its meters, called as a server does."""

    def __init__(self) -> None:
        self.registry = ServiceRegistry("test")
        self.meters: HttpMeters = self.registry.http
        self.entered = asyncio.Event()
        routes = [
            Route("/things/{name}", self._thing, methods=["GET", "POST"]),
            Route("/streams", self._stream),
            Route("/defect", self._defect),
            Route("/never", self._never),
        ]
        self.app = Starlette(routes=routes)
        self.app.add_middleware(MeteredHttp, meters=self.meters)
        self.sent: list[Any] = []
        self.while_streaming: list[float] = []

    async def _thing(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.path_params["name"])

    async def _stream(self, _: Request) -> StreamingResponse:
        async def parts():
            self.while_streaming.append(self.count("/streams", "200"))
            yield b"one"
            self.while_streaming.append(self.meters.open)
            yield b"two"

        return StreamingResponse(parts())

    async def _defect(self, _: Request) -> PlainTextResponse:
        raise KeyError

    async def _never(self, _: Request) -> PlainTextResponse:
        self.entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def call(self, path: str, method: str = "GET") -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            self.sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": [], "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"}}  # fmt: skip
        await self.app(scope, receive, send)

    def count(self, route: str, code: str, method: str = "GET") -> float:
        labels = {"method": method, "route": route, "code": code}
        return self.registry.get_sample_value("cloche_http_request_duration_seconds_count", labels) or 0.0


@pytest.fixture
async def calls() -> Calls:
    return Calls()


async def test_requests_are_counted_by_the_template_of_their_route(calls: Calls):
    for name in ("a", "b", "c"):
        await calls.call(f"/things/{name}")
    assert calls.count("/things/{name}", "200") == 3


async def test_path_and_method_that_are_no_routes_share_one_label(calls: Calls):
    await calls.call("/nothing/here")
    await calls.call("/things/a", method="BREW")
    assert calls.count("unmatched", "404") == 1
    assert calls.count("/things/{name}", "405", method="other") == 1


async def test_stream_is_counted_at_its_head_and_open_until_its_end(calls: Calls):
    await calls.call("/streams")
    assert calls.while_streaming == [1.0, 1]
    assert calls.count("/streams", "200") == 1
    assert calls.meters.open == 0


async def test_defect_is_counted_as_500(calls: Calls):
    with pytest.raises(KeyError):
        await calls.call("/defect")
    assert calls.count("/defect", "500") == 1


async def test_caller_that_goes_before_the_answer_is_counted_as_499(calls: Calls):
    task = asyncio.create_task(calls.call("/never"))
    await calls.entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert calls.count("/never", "499") == 1
    assert calls.meters.open == 0
