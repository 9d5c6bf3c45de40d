"""How far batches are, as server-sent events. Readers of one batch share what is asked of PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from cloche.api.batches import views
from cloche.api.batches.store import BatchStore
from cloche.api.replay import Sse
from cloche.contracts.batches import BatchSummary
from cloche.contracts.tallies import MEASURE_VERDICT
from cloche.kit.errors import NotFoundError
from cloche.kit.postgres import Row

#: A batch that is watched is looked at so often, whoever watches it.
LOOK_EVERY_S: Final = 1.0
_ENDED: Final = frozenset({"complete", "cancelled", "refused"})


class Progress:
    """Several processes may each serve readers: nothing but PostgreSQL is asked."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self._looks: dict[UUID, tuple[float, asyncio.Task[tuple[Row, BatchSummary]]]] = {}

    async def follow(self, batch_id: UUID, tenant: str) -> AsyncIterator[Sse]:
        """``batch.progress`` now and whenever something changed, then ``batch.finished`` with the whole batch."""
        last: BatchSummary | None = None
        while True:
            try:
                row, summary = await self._look(batch_id, tenant)
                if summary != last:
                    last = summary
                    yield Sse("batch.progress", summary.model_dump_json())
                if summary.status in _ENDED and summary.finished >= summary.total:
                    counts = await self._store.counts([batch_id])
                    whole = views.batch(row, counts[batch_id], await self._store.rates(batch_id))
                    yield Sse("batch.finished", whole.model_dump_json())
                    return
            except NotFoundError:  # deleted meanwhile
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, batch_id: UUID, tenant: str) -> tuple[Row, BatchSummary]:
        moment = time.monotonic()
        self._looks = {one: look for one, look in self._looks.items() if moment - look[0] < LOOK_EVERY_S / 2}
        if batch_id not in self._looks:
            self._looks[batch_id] = moment, asyncio.ensure_future(self._ask(batch_id, tenant))
        return await asyncio.shield(self._looks[batch_id][1])

    async def _ask(self, batch_id: UUID, tenant: str) -> tuple[Row, BatchSummary]:
        row = await self._store.find(batch_id, tenant)
        counts = await self._store.counts([batch_id], MEASURE_VERDICT)
        return row, views.summary(row, counts[batch_id])
