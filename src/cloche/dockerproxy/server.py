"""Serves connections: one strict request each, one decision, one audit line, one answer, then the end."""

import asyncio
import contextlib
import json
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cloche.dockerproxy import policy
from cloche.dockerproxy.audit import Decision
from cloche.dockerproxy.callers import Gate, peer_of
from cloche.dockerproxy.calls import Calls
from cloche.dockerproxy.metrics import ProxyMetrics
from cloche.dockerproxy.policy import Call, ContainerId, Route
from cloche.dockerproxy.request import Request, read_request
from cloche.dockerproxy.streams import Streams
from cloche.kit.errors import ClocheError, MalformedRequestError, OverloadedError
from cloche.kit.http_exchange import CHUNK_BYTES
from cloche.kit.logs import get_logger

log = get_logger()

_REASONS: Final = {200: "OK", 201: "Created", 204: "No Content"}
_JSON: Final = "application/json"
_HEAR_OUT_S: Final = 1.0
#: What a caller may take to read the last that was written for it.
_TAKE_S: Final = 5.0


class Server:
    """Handles each connection of a listener. ``max_connections`` at once; more are refused."""

    def __init__(
        self, calls: Calls, streams: Streams, gate: Gate, metrics: ProxyMetrics, *, max_connections: int
    ) -> None:
        self._calls = calls
        self._streams = streams
        self._gate = gate
        self._metrics = metrics
        self._max_connections = max_connections
        self._connections = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end; a callback for ``asyncio.start_server``."""
        self._connections += 1
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            log.info("proxy.caller_gone")
        finally:
            try:
                await _end(writer)
            finally:
                self._connections -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decision = Decision(self._metrics)
        retryable, reason = False, None
        try:
            decision.peer = peer_of(writer.get_extra_info("socket"))
            self._check_room()
            self._gate.check_peer(decision.peer)
            request = await read_request(reader, max_body_bytes=policy.MAX_BODY_BYTES)
            decision.understood(request)
            route, container = policy.match(request.method, request.target)
            decision.call, decision.container = route.call, container
            if route.call not in policy.OPEN_CALLS:
                self._gate.check_token(request.headers.get("authorization"))
            check_shape(route, request)
            if container is None:
                status, content_type, body = await self._answer_plain(route.call, request, decision)
            elif route.call in {"attach", "wait"}:
                await self._stream(route.call, container, reader, writer, decision)
                return
            else:
                status, content_type, body = await self._answer_own(route.call, container)
        except ClocheError as error:
            status, content_type, body = error.status, "application/problem+json", _problem(error)
            retryable, reason = error.retryable, error.detail
        except Exception:
            log.exception("proxy.defect", call=decision.call)
            status, content_type, body = 500, _JSON, b"{}"
        try:
            writer.write(_head(status, content_type, len(body), retryable=retryable) + body)
        finally:
            decision.write(status, reason=reason)  # behind the answer: the caller need not wait for the log
        async with asyncio.timeout(_TAKE_S):
            await writer.drain()
        if status >= 400:
            await _hear_out(reader, writer)

    def _check_room(self) -> None:
        if self._connections > self._max_connections:
            raise OverloadedError("Too many connections.")

    async def _answer_plain(self, call: Call, request: Request, decision: Decision) -> tuple[int, str, bytes]:
        match call:
            case "healthz":
                return _json(200, {"status": "ok"})
            case "readyz":
                await self._calls.ready()
                return _json(200, {"status": "ready"})
            case "metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self._metrics.registry)
            case "images":
                return _json(200, self._calls.images())
            case "list":
                return _json(200, {"containers": await self._calls.list_own()})
            case _:
                decision.container = await self._calls.create(request.body)
                return _json(201, {"id": decision.container})

    async def _answer_own(self, call: Call, container: ContainerId) -> tuple[int, str, bytes]:
        if call == "inspect":
            return _json(200, await self._calls.inspect(container))
        await (self._calls.start if call == "start" else self._calls.delete)(container)
        return 204, _JSON, b""

    async def _stream(
        self,
        call: Call,
        container: ContainerId,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decision: Decision,
    ) -> None:
        """Attach and wait answer as they go; the decision is told when the Engine has agreed."""
        stream = self._streams.attach if call == "attach" else self._streams.wait
        await stream(container, reader, writer, decision.write)


def check_shape(route: Route, request: Request) -> None:
    """Return if a body and an upgrade are there where ``route`` reads them, and nowhere else.

    Raises:
        MalformedRequestError: not so.
    """
    check_body(route, request)
    check_upgrade(route, request)


def check_body(route: Route, request: Request) -> None:
    """The half of ``check_shape`` that is about the body."""
    if route.reads == "an order":
        if request.headers.get("content-type") != _JSON:
            raise MalformedRequestError("The body must be application/json.")
    elif request.body or "content-type" in request.headers:
        raise MalformedRequestError("This call has no body.")


def check_upgrade(route: Route, request: Request) -> None:
    """The half of ``check_shape`` that is about upgrades."""
    wanted = route.reads == "an upgrade to a raw stream"
    if (wanted and not request.asks_upgrade) or (not wanted and request.mentions_upgrade):
        raise MalformedRequestError("A connection is taken over by attach alone.")


async def _end(writer: asyncio.StreamWriter) -> None:
    """Close; what the caller does not read in time is dropped, or it could hold connections that nothing bounds."""
    writer.close()
    with contextlib.suppress(OSError):
        try:
            async with asyncio.timeout(_TAKE_S):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()
            await writer.wait_closed()


async def _hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Drop the rest of what was refused unread: closing on it would reset the connection and lose the answer."""
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HEAR_OUT_S):
            while await reader.read(CHUNK_BYTES):
                pass


def _json(status: int, content: Any) -> tuple[int, str, bytes]:
    return status, _JSON, json.dumps(content).encode()


def _problem(error: ClocheError) -> bytes:
    return error.problem().model_dump_json(exclude_none=True).encode()


def _head(status: int, content_type: str, length: int, *, retryable: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Refused')}", "Connection: close"]
    if status != 204:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {length}"]
    if retryable:
        lines.append("Retry-After: 1")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
