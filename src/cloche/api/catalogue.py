"""What executors offer, asked of the Queue Service and remembered for a moment."""

import asyncio
import time

from cloche.api.checks import Catalogue
from cloche.contracts.tasks import ExecutorsAnswer
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger

log = get_logger()

#: Age at which the answer is asked for again; at once when it lacks what is looked for.
FRESH_S = 2.0


class CatalogueReader:
    """Asks for the executors at most every ``FRESH_S``; keeps the last answer when the queue is away."""

    def __init__(self, queue: ServiceClient) -> None:
        self._queue = queue
        self._answer: ExecutorsAnswer | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def executors(self, *, fresh_s: float = FRESH_S) -> ExecutorsAnswer:
        """An answer that was asked for at most ``fresh_s`` ago, or the last there was. Callers share one call.

        Raises:
            UnavailableError: the Queue Service never answered since this process started.
        """
        wanted_at = time.monotonic() - fresh_s
        async with self._asking:
            if self._answer is not None and self._asked_at >= wanted_at:
                return self._answer
            self._asked_at = time.monotonic()
            try:
                self._answer = await self._queue.get("/queue/internal/v1/executors", ExecutorsAnswer, timeout_s=5)
            except ClocheError:
                if self._answer is None:
                    raise
                log.warning("catalogue.stale")
        return self._answer

    async def catalogue(self, wanted: str) -> Catalogue:
        """For checking a submission; unknown (accepting everything) while the queue never answered."""
        try:
            found = _catalogue(await self.executors())
            if found.find(wanted) is None:
                found = _catalogue(await self.executors(fresh_s=0))
        except ClocheError:
            return Catalogue(None)
        return found


def _catalogue(answer: ExecutorsAnswer) -> Catalogue:
    return Catalogue(tuple(seen.offer for seen in answer.executors))
