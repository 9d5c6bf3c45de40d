"""HTTP from service to service: aiohttp over TCP or a unix socket, pydantic in and out."""

from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from cloche.contracts.problem import Problem
from cloche.kit import tracing
from cloche.kit.errors import ClocheError, UnavailableError, error_from_problem

Answer = TypeVar("Answer", bound=BaseModel)

#: An answer larger than this is refused unless the caller says otherwise. The largest that come are pages of results:
#: 8 MiB, and the record with which they end.
MAX_ANSWER_BYTES = 256 * 1024 * 1024


class ServiceClient:
    """Calls one other service. ``address`` is ``unix:/path`` or ``http://host:port``.

    Connections are kept and reused, at most ``connections`` at once, or any number if that is 0; whoever
    finds none free waits. Retrying is the caller's business.
    """

    def __init__(self, address: str, token: str, *, timeout_s: float = 30.0, connections: int = 64) -> None:
        if address.startswith("unix:"):
            self._base = "http://cloche"
            self._unix: str | None = address.removeprefix("unix:")
        else:
            self._base = address.rstrip("/")
            self._unix = None
        self._token = token
        self._timeout_s = timeout_s
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def post(
        self,
        path: str,
        body: BaseModel,
        answer: type[Answer],
        *,
        timeout_s: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """POST ``body``, read ``answer``, of which at most ``max_bytes`` are read.

        Raises:
            ClocheError: the class the other side raised, or ``UnavailableError`` when it did not answer
                or answered something else than ``answer``.
        """
        return await self._call("POST", path, body.model_dump_json().encode(), answer, timeout_s, max_bytes)

    async def post_json(self, path: str, raw: bytes, answer: type[Answer], *, timeout_s: float | None = None) -> Answer:
        """POST a body that is JSON already. Raises as ``post``."""
        return await self._call("POST", path, raw, answer, timeout_s, MAX_ANSWER_BYTES)

    async def post_nothing(self, path: str, body: BaseModel, *, timeout_s: float | None = None) -> None:
        """POST ``body`` where the answer is 204. Raises as ``post``."""
        await self._call("POST", path, body.model_dump_json().encode(), None, timeout_s, _MAX_NOTHING_BYTES)

    async def get(
        self, path: str, answer: type[Answer], *, timeout_s: float | None = None, max_bytes: int = MAX_ANSWER_BYTES
    ) -> Answer:
        """GET, read ``answer``. Raises as ``post``."""
        return await self._call("GET", path, None, answer, timeout_s, max_bytes)

    async def open_stream(self, path: str, body: BaseModel, *, idle_s: float) -> aiohttp.ClientResponse:
        """POST ``body`` and hand over the answer to be read as it comes; the caller closes it.

        ``idle_s`` bounds the wait for each read. Raises as ``post``.
        """
        session = self._open_session()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=idle_s)
        try:
            response = await session.post(
                self._base + path, data=body.model_dump_json().encode(), headers=_headers(body), timeout=timeout
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"no answer: {type(error).__name__}") from error
        if response.status >= 400:
            raise await _read_error(response)
        return response

    async def _call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        answer: type[Answer] | None,
        timeout_s: float | None,
        max_bytes: int,
    ) -> Answer:
        session = self._open_session()
        timeout = aiohttp.ClientTimeout(total=timeout_s or self._timeout_s)
        try:
            async with session.request(
                method, self._base + path, data=body, headers=_headers(body), timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise await _read_error(response)
                raw = await _read(response, max_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"no answer: {type(error).__name__}") from error
        if answer is None:
            return None  # pyright: ignore[reportReturnType]  (post_nothing ignores it)
        try:
            return answer.model_validate_json(raw)
        except ValidationError as error:
            raise UnavailableError("the answer is not what it should be") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limit = self._connections
            connector = (
                aiohttp.UnixConnector(self._unix, limit=limit) if self._unix else aiohttp.TCPConnector(limit=limit)
            )
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._session = aiohttp.ClientSession(
                connector=connector, headers=headers, auto_decompress=False, read_bufsize=256 * 1024
            )
        return self._session


_JSON = {"Content-Type": "application/json"}
_MAX_NOTHING_BYTES = 64 * 1024


def _headers(body: object) -> dict[str, str] | None:
    """What a call says besides its token: what its body is, and where in a trace it is made."""
    place = tracing.place()
    if place is not None:
        return {"traceparent": place, **(_JSON if body else {})}
    return _JSON if body else None


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    raw = bytearray()
    async for part in response.content.iter_any():
        raw += part
        if len(raw) > max_bytes:
            response.close()
            raise UnavailableError(f"an answer of more than {max_bytes} bytes")
    return bytes(raw)


async def _read_error(response: aiohttp.ClientResponse) -> ClocheError:
    try:
        raw = await response.content.read(64 * 1024)
        return error_from_problem(Problem.model_validate_json(raw))
    except (ValidationError, aiohttp.ClientError, TimeoutError):
        return UnavailableError(f"status {response.status}")
    finally:
        response.release()
