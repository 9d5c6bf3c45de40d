"""The executors of one worker: asked for their offers, used slot by slot."""

import asyncio
import contextlib
import time

from cloche.contracts.execution import ExecutorOffer, ExtendAnswer, ExtendRequest
from cloche.contracts.submission import Program
from cloche.contracts.words import LeaseId
from cloche.kit.errors import ClocheError, UnavailableError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.worker.routing import Candidate, choose
from cloche.worker.settings import ExecutorAddress

log = get_logger()

OFFER_POLL_S = 1.0
#: What waits for a slot is given back once nobody here could run it for this long: another worker may.
GONE_S = 10.0
#: How long an executor may take to answer a short call.
_CALL_S = 5.0
#: How much it may say in answer to one.
_ANSWER_BYTES = 1024 * 1024


class Fleet:
    """Knows which executors there are and how many slots each has left."""

    def __init__(self, addresses: list[ExecutorAddress]) -> None:
        self._clients = {a.name: ServiceClient(a.address, a.token.get_secret_value()) for a in addresses}
        # A run holds a connection until its end: with the short calls it would keep extend, kill and offer waiting.
        self._streams = {a.name: ServiceClient(a.address, a.token.get_secret_value(), connections=0) for a in addresses}
        self._candidates = {a.name: Candidate(a.name) for a in addresses}
        self._changed = asyncio.Condition()

    async def close(self) -> None:
        """Close every connection."""
        for client in (*self._clients.values(), *self._streams.values()):
            await client.close()

    def offers(self) -> list[ExecutorOffer]:
        """The offers of executors that may be used, for the Queue Service."""
        usable = [c for c in self._candidates.values() if c.offer is not None]
        return [
            c.offer.model_copy(update={"name": c.name, "healthy": c.usable()}) for c in usable if c.offer is not None
        ]

    def can_run(self) -> bool:
        """Whether any executor offers a runtime now."""
        return any(self.offer_of(name) for name in self._candidates)

    def offer_of(self, name: str) -> ExecutorOffer | None:
        """What this executor offers for runs now; None when it can run nothing."""
        return next((o for o in self.offers() if o.name == name and o.healthy and o.runtimes), None)

    def free_of(self, name: str) -> int:
        """Slots free on this executor."""
        return self._candidates[name].free()

    def free(self) -> int:
        """Slots free on all of them."""
        return sum(candidate.free() for candidate in self._candidates.values())

    def usable(self) -> dict[str, bool]:
        """By executor whether runs may go there now, free slots or not."""
        return {candidate.name: candidate.usable() for candidate in self._candidates.values()}

    async def watch_offers(self) -> None:
        """Ask each executor for its offer again and again, until cancelled."""
        while True:
            await asyncio.gather(*(self._ask(name) for name in self._clients))
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(OFFER_POLL_S)

    async def take(self, program: Program) -> tuple[Candidate, ServiceClient]:
        """A slot on the least loaded executor that can run ``program``, as soon as there is one; see ``give_back``.

        Raises:
            UnavailableError: for 10 s no executor that can run it could be used at all.
        """
        async with self._changed:
            seen_at = time.monotonic()
            while (candidate := choose(self._candidates.values(), program)) is None:
                if any(c.usable() and c.can_run(program) for c in self._candidates.values()):
                    seen_at = time.monotonic()
                elif time.monotonic() - seen_at >= GONE_S:
                    raise UnavailableError("no executor of this worker can run it any more")
                await self._changed.wait()  # each round of offers tells of a change
            candidate.mine += 1
        return candidate, self._streams[candidate.name]

    async def give_back(self, candidate: Candidate, *, cleared: bool) -> None:
        """A slot of this executor is free again: at once if ``cleared``, else when its offer bears that out."""
        if cleared:
            candidate.mine -= 1
        else:
            candidate.doubt()
        async with self._changed:
            self._changed.notify_all()

    async def wait_change(self, timeout_s: float) -> None:
        """Until a slot was freed or an offer came, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait()

    async def extend(self, leases: dict[str, list[LeaseId]], deadline_s: float) -> None:
        """Push back the deadlines of these executions, by executor; a failing executor is left to its deadline."""

        async def one(name: str, ids: list[LeaseId]) -> None:
            body = ExtendRequest(execution_ids=ids, deadline_s=deadline_s)
            try:
                await self._clients[name].post(
                    "/executor/v1/executions/extend", body, ExtendAnswer, timeout_s=_CALL_S, max_bytes=_ANSWER_BYTES
                )
            except ClocheError as error:
                log.warning("fleet.extend_failed", executor=name, error=error.code)

        await asyncio.gather(*(one(name, ids) for name, ids in leases.items()))

    async def kill(self, name: str, lease: LeaseId) -> None:
        """End one execution; its stream then ends with what it had."""
        with contextlib.suppress(ClocheError):
            await self._clients[name].post_nothing(
                f"/executor/v1/executions/{lease}/kill", ExtendRequest(execution_ids=[]), timeout_s=_CALL_S
            )

    async def _ask(self, name: str) -> None:
        candidate = self._candidates[name]
        asked_at, offer = candidate.clock(), None
        with contextlib.suppress(ClocheError):
            offer = await self._clients[name].get(
                "/executor/v1/offer", ExecutorOffer, timeout_s=_CALL_S, max_bytes=_ANSWER_BYTES
            )
        candidate.settle(offer, asked_at)
