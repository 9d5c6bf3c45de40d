"""Speaks to the Docker Socket Proxy: its calls, one connection each, by their own names."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from cloche.contracts.problem import Problem
from cloche.kit.errors import ClocheError, UnavailableError, error_from_problem
from cloche.kit.http_exchange import Exchange, ExchangeError

#: A little more than the proxy itself gives the Docker Engine.
CALL_S: Final = 35.0
_READY_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class ContainerOrder:
    """What the proxy needs to know of a container; all the rest is its own decision."""

    image: str
    label: str
    memory_bytes: int
    cpus_milli: int
    processes: int
    disk_bytes: int
    inodes: int


@dataclass(frozen=True)
class ContainerState:
    """How a container is. ``oom_killed`` is also true when only a child of it was killed."""

    status: str
    exit_code: int
    oom_killed: bool


@dataclass(frozen=True)
class OfferedImages:
    """Aliases and their image ids, why further aliases can't be had, and the OCI runtime that all run under."""

    images: dict[str, str]
    unfit: dict[str, str]
    runtime: str


class ProxyClient:
    """The proxy at ``address`` (``unix:/path`` or ``http://host:port``), with its token if it wants one.

    Every call raises ``ClocheError``: the class that the proxy answered with, or
    ``UnavailableError`` when it did not answer within 35 s.
    """

    def __init__(self, address: str, token: str | None) -> None:
        self.address = address
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ready(self) -> None:
        """Return if the proxy and the Docker Engine behind it answer within 10 s."""
        await self._call("GET", "/readyz", within_s=_READY_S)

    async def images(self) -> OfferedImages:
        """What containers can be made of."""
        return OfferedImages(**await self._call("GET", "/images"))

    async def labels(self) -> dict[str, str]:
        """The proxy's containers, id → label."""
        found = await self._call("GET", "/containers")
        return {container["id"]: container["label"] for container in found["containers"]}

    async def create(self, order: ContainerOrder) -> str:
        """Make a container; its id."""
        return str((await self._call("POST", "/containers", json.dumps(vars(order)).encode()))["id"])

    async def start(self, container: str) -> None:
        """Start it."""
        await self._call("POST", f"/containers/{container}/start")

    async def inspect(self, container: str) -> ContainerState:
        """Its state."""
        found = await self._call("GET", f"/containers/{container}")
        return ContainerState(found["status"], found["exit_code"], found["oom_killed"])

    async def delete(self, container: str) -> None:
        """Kill and remove it; when this returns nothing of it is left."""
        await self._call("DELETE", f"/containers/{container}")

    async def attach(self, container: str) -> Exchange:
        """Its stdin and framed output from now on; the caller closes."""
        return await self._open("POST", f"/containers/{container}/attach", 101)

    async def wait(self, container: str) -> Exchange:
        """Returns once its next exit can't be missed; ``exit_status`` of the exchange then waits for it."""
        return await self._open("POST", f"/containers/{container}/wait", 200)

    async def _call(self, method: str, target: str, body: bytes = b"", *, within_s: float = CALL_S) -> Any:
        try:
            async with asyncio.timeout(within_s):
                sending = Exchange.open(self.address, method, target, headers=self._headers, body=body)
                async with await sending as exchange:
                    status = await exchange.head()
                    raw = await exchange.body(limit=_MAX_ANSWER_BYTES)
            if status < 300:
                return json.loads(raw) if raw else None
        except (ExchangeError, TimeoutError, ValueError) as error:
            raise _no_answer(error) from error
        raise _read_error(status, raw)

    async def _open(self, method: str, target: str, wanted: int) -> Exchange:
        raw = b""
        try:
            async with asyncio.timeout(CALL_S):
                exchange = await Exchange.open(
                    self.address, method, target, headers=self._headers, upgrade=wanted == 101
                )
                status = 0
                try:
                    status = await exchange.head()
                    if status != wanted:
                        raw = await exchange.body(limit=_MAX_ANSWER_BYTES)
                finally:
                    if status != wanted:
                        exchange.abort()
        except (ExchangeError, TimeoutError) as error:
            raise _no_answer(error) from error
        if status != wanted:
            raise _read_error(status, raw)
        return exchange


async def exit_status(waiting: Exchange) -> int:
    """The exit status that an exchange of ``ProxyClient.wait`` ends with.

    Raises:
        UnavailableError: the wait was cut short.
    """
    try:
        return int(json.loads(await waiting.body(limit=_MAX_ANSWER_BYTES))["status_code"])
    except (ExchangeError, ValueError, KeyError, TypeError) as error:
        raise _no_answer(error) from error


def _no_answer(error: Exception) -> UnavailableError:
    return UnavailableError(f"The Docker Socket Proxy does not answer ({str(error) or type(error).__name__}).")


def _read_error(status: int, raw: bytes) -> ClocheError:
    try:
        return error_from_problem(Problem.model_validate_json(raw))
    except ValidationError:
        return UnavailableError(f"The Docker Socket Proxy answers with status {status}.")
