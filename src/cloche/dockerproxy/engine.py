"""The Docker Engine behind its socket: sends what ``policy`` wrote, reads what it answers."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from cloche.dockerproxy.policy import APIS, INSTANCE_LABEL, ContainerId, EngineRequest, list_own, version
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from cloche.kit.http_exchange import Exchange, ExchangeError
from cloche.kit.logs import get_logger

log = get_logger()

CALL_S: Final = 30.0
_FULL_ID: Final = re.compile(r"[0-9a-f]{64}")
_IMAGE_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024


class NoAnswerError(UnavailableError):
    """The Engine got the request and did not answer: it may have done it, or do it yet."""


@dataclass(frozen=True)
class Listed:
    """A container as the Engine lists it; ``created`` in seconds since 1970."""

    id: ContainerId
    labels: dict[str, str]
    state: str
    created: int


#: Told the name of each request and how many seconds the head of its answer took.
Took = Callable[[str, float], None]


class Engine:
    """One request on one connection each. The Engine's own words go to the log, never to a caller."""

    def __init__(self, socket: Path, took: Took) -> None:
        self._address = f"unix:{socket}"
        self._took = took
        self._api = APIS[0]

    async def negotiate(self) -> None:
        """Ask which Engine it is, and speak as it does from now on.

        Raises:
            UnavailableError: it does not answer, or speaks no version of its API that ``policy`` is written for.
        """
        self._api = spoken(await self.tell(version()))

    async def call(self, request: EngineRequest) -> Any:
        """The JSON that the Engine answers, None for an empty answer.

        Raises:
            NotFoundError, ConflictError: the Engine says so (304, already so, counts as a conflict).
            InvalidRequestError: it refuses the request.
            UnavailableError: it failed, or is not there.
            NoAnswerError: it did not answer within 30 s, or not in JSON.
        """
        sent = False
        try:
            async with asyncio.timeout(CALL_S), await self.open(request) as exchange:
                sent = True
                status = await self.head(request, exchange)
                body = await exchange.body(limit=_MAX_ANSWER_BYTES)
            if status < 300:
                return json.loads(body) if body else None
        except (ExchangeError, TimeoutError, ValueError) as error:
            log.warning("engine.no_answer", error=str(error) or type(error).__name__)
            kind = NoAnswerError if sent else UnavailableError
            raise kind("The Docker Engine does not answer.") from error
        raise refused(status, body)

    async def tell(self, request: EngineRequest) -> dict[str, Any]:
        """The object that the Engine answers. Raises as ``call``."""
        answer = await self.call(request)
        if not isinstance(answer, dict):
            raise NoAnswerError("The Docker Engine answered with something else.")
        return cast(dict[str, Any], answer)

    async def list_own(self, instance: str) -> list[Listed]:
        """What the Engine lists of the containers that carry ``instance``'s label. Raises as ``call``."""
        found = await self.call(list_own(instance))
        if not isinstance(found, list):
            raise UnavailableError("The Docker Engine answered without a list.")
        try:
            listed = [Listed(id_in(c), c["Labels"], str(c["State"]), int(c["Created"])) for c in cast(list[Any], found)]
            return [container for container in listed if container.labels.get(INSTANCE_LABEL) == instance]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UnavailableError("The Docker Engine answered without a list.") from None

    async def open(self, request: EngineRequest) -> Exchange:
        """Send ``request`` and leave the answer to be read; the caller closes.

        Raises:
            ExchangeError: the Engine is not there.
        """
        target = f"/v{self._api}{request.target}" if request.versioned else request.target
        return await Exchange.open(self._address, request.method, target, body=request.body, upgrade=request.upgrade)

    async def head(self, request: EngineRequest, exchange: Exchange) -> int:
        """The status of the answer to ``request``, timed. Raises as ``Exchange.head``."""
        asked = time.monotonic()
        status = await exchange.head()
        self._took(request.name, time.monotonic() - asked)
        return status


def refused(status: int, body: bytes) -> NotFoundError | ConflictError | InvalidRequestError | UnavailableError:
    """The error that stands for the Engine's ``status``, which may be one it has no right to."""
    log.warning("engine.refused", status=status, said=body[:500].decode("utf-8", "replace"))
    match status:
        case 404:
            return NotFoundError()
        case 304 | 409:
            return ConflictError()
        case 400:
            return InvalidRequestError("The Docker Engine refuses this.")
        case _:
            return UnavailableError("The Docker Engine failed.")


def id_in(answer: dict[str, Any]) -> ContainerId:
    """The full id in an answer of the Engine.

    Raises:
        NoAnswerError: there is none.
    """
    value = answer.get("Id")
    if type(value) is not str or not _FULL_ID.fullmatch(value):
        raise NoAnswerError("The Docker Engine answered without an id.")
    return ContainerId(value)


def image_id_in(answer: dict[str, Any]) -> str:
    """The image id in an answer of the Engine. Raises as ``id_in``."""
    value = answer.get("Id")
    if type(value) is not str or not _IMAGE_ID.fullmatch(value):
        raise UnavailableError("The Docker Engine answered without an image id.")
    return value


def spoken(answer: dict[str, Any]) -> str:
    """The version of its API to use with the Engine that gave ``answer``.

    Raises:
        UnavailableError: it is too old or too new.
    """
    least, most = str(answer.get("MinAPIVersion", "")), str(answer.get("ApiVersion", ""))
    for api in APIS:
        if _numbers(least) <= _numbers(api) <= _numbers(most):
            return api
    raise UnavailableError(f"The Docker Engine speaks API {least} to {most}, not {' or '.join(APIS)}.")


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]+", version)]
