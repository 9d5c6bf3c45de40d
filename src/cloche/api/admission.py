"""Refusing a tenant's submissions while as much of its work is queued as it may have."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection
from typing import Final

from cloche.contracts.tasks import LoadsAnswer, TenantLoad
from cloche.contracts.words import USUAL_LANES
from cloche.kit.errors import ClocheError, InvalidRequestError, OverloadedError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger

log = get_logger()

#: How long an answer of the Queue Service is good for; what is accepted meanwhile is added to it.
FRESH_S: Final = 1.0


class Admission:
    """Each process asks for itself, so several together may accept a little more than the limit, and none loses any."""

    def __init__(self, queue: ServiceClient) -> None:
        self._queue = queue
        self._loads: dict[str, TenantLoad] = {}
        self._limits: dict[str, int | None] = {}
        self._accepted: Counter[str] = Counter()
        self._asked_at = float("-inf")
        self._lanes = USUAL_LANES
        self._answered = False
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Have an answer that is fresh. Where the Queue Service gives none, all may enter: they wait for it here.

        One submission a second pays for the asking; others go by the answer before.
        """
        if self._asking.locked() and self._answered:
            return
        async with self._asking:
            if time.monotonic() - self._asked_at < FRESH_S:
                return
            try:
                answer = await self._queue.get("/queue/internal/v1/loads", LoadsAnswer, timeout_s=2)
            except ClocheError:
                log.warning("admission.unknown")
                answer = LoadsAnswer(tenants=[])
            self._asked_at = time.monotonic()
            self._answered = True
            self._lanes = frozenset(answer.lanes) or self._lanes
            self._loads = {load.tenant: load for load in answer.tenants}
            self._limits = answer.limits
            self._accepted.clear()

    @property
    def lanes(self) -> Collection[str]:
        """What the Queue Service said last; the usual ones before it said anything."""
        return self._lanes

    def batch_room(self, tenant: str) -> int | None:
        """How many more of its batches' evaluations may be queued: they leave half of its limit to its other work."""
        load = self._loads.get(tenant)
        most = load.max_queued if load is not None else self._limits.get(tenant, self._limits.get(""))
        if most is None:
            return None
        return max(0, max(1, most // 2) - (load.queued if load is not None else 0))

    def enter(self, tenant: str, count: int = 1) -> None:
        """Let ``count`` more evaluations in.

        Raises:
            InvalidRequestError: they are more than the tenant may ever have queued.
            OverloadedError: the tenant has as much queued as it may.
        """
        load = self._loads.get(tenant)
        most = load.max_queued if load is not None else self._limits.get(tenant, self._limits.get(""))
        if most is not None:
            if count > max(1, most):
                raise InvalidRequestError(f"The tenant may have {most} evaluations queued; these are {count} at once.")
            queued = load.queued if load is not None else 0
            if queued + self._accepted[tenant] + count > most:
                raise OverloadedError(f"The tenant may have {most} evaluations queued, and these were more.")
        self._accepted[tenant] += count
