"""A steady load of short evaluations, each submitted until it is accepted and watched to its verdict by one reader."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from .watching import AWAY, Seen, program, watch

#: A program so short that few are hit by three faults in turn, after which an evaluation is rightly given up.
SHORT: Final[Mapping[str, object]] = {"runtime": "python", "source": program(0.01)}
#: A reader that hears nothing for this long asks again: pings come every 15 s.
_SILENCE_S: Final = 20.0
_AGAIN_S: Final = 0.2


@dataclass
class Followed:
    """One evaluation as its submitter and its reader know it. Times are of the event loop's clock."""

    key: str
    id: str | None = None
    accepted_at: float = 0.0
    told_at: float | None = None
    seen: Seen = field(default_factory=Seen)


async def end_within(loading: asyncio.Task[None], patience_s: float) -> None:
    """Return when every reader has its verdict, or give up on those that have none in time."""
    await asyncio.wait([loading], timeout=patience_s)
    loading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loading


class Load:
    """Submits ``per_s`` evaluations of ``body`` a second as long as fewer than ``in_flight`` are on their way."""

    def __init__(self, url: str, *, per_s: float, in_flight: int, body: Mapping[str, object] = SHORT) -> None:
        self._url = url
        self._body = body
        self._pause_s = 1 / per_s
        self._room = asyncio.Semaphore(in_flight)
        self.followed: list[Followed] = []
        #: What submissions were answered.
        self.answers: Counter[int] = Counter()

    @property
    def accepted(self) -> int:
        """How many submissions were answered with 201."""
        return sum(one.id is not None for one in self.followed)

    @property
    def told(self) -> int:
        """How many readers have a verdict."""
        return sum(one.told_at is not None for one in self.followed)

    async def run(self, evaluations: int) -> None:
        """Submit all and watch each to its verdict. Cancelling gives up."""
        run = secrets.token_hex(4)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session,
            asyncio.TaskGroup() as readers,
        ):
            for number in range(evaluations):
                await asyncio.sleep(begun + number * self._pause_s - loop.time())
                await self._room.acquire()
                self.followed.append(one := Followed(f"{run}-{number}"))
                readers.create_task(self._follow(session, one))

    async def _follow(self, session: aiohttp.ClientSession, one: Followed) -> None:
        loop = asyncio.get_running_loop()
        try:
            one.id = await self._submit(session, one.key)
            one.accepted_at = loop.time()
            await watch(session, self._url, one.id, one.seen)
            one.told_at = loop.time()
        finally:
            self._room.release()

    async def _submit(self, session: aiohttp.ClientSession, key: str) -> str:
        body = {**self._body, "name": key}
        while True:
            try:
                async with session.post(
                    f"{self._url}/api/v1/evaluations", json=body, headers={"Idempotency-Key": key}
                ) as answer:
                    self.answers[answer.status] += 1
                    if answer.status == 201:
                        return (await answer.json())["id"]
            except AWAY:
                pass
            await asyncio.sleep(_AGAIN_S)
