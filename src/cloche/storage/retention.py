"""Forgetting evaluations that are older than they need be kept."""

import asyncio
from datetime import timedelta
from typing import Final

from cloche.kit.clock import now
from cloche.kit.ids import uuid7_floor
from cloche.kit.logs import get_logger
from cloche.storage.record_store import RecordStore

log = get_logger()

_EVERY_S: Final = 600.0
#: What people delete is hidden at once, and gone soon after.
_DELETED_EVERY_S: Final = 5.0
#: One transaction deletes at most so many, with output and cases.
_AT_ONCE: Final = 500
#: Lets what is new be stored in between.
_PAUSE_S: Final = 0.05


class Retention:
    """Deletes finished evaluations and batches, and events set aside, ``keep_days`` after their day; None keeps all.

    What people delete goes whatever the setting.
    """

    def __init__(self, store: RecordStore, keep_days: int | None) -> None:
        self._store = store
        self._keep_days = keep_days

    async def run(self) -> None:
        """Look now and then, until cancelled. Raises: what PostgreSQL raises when it is away."""
        loop = asyncio.get_running_loop()
        old_at = loop.time()
        while True:
            if loop.time() >= old_at:
                await self.forget_old()
                old_at = loop.time() + _EVERY_S
            await self.forget_deleted()
            await asyncio.sleep(_DELETED_EVERY_S)

    async def forget_deleted(self) -> int:
        """Remove the batches that people deleted; how many evaluations those had."""
        deleted = 0
        while batches := await self._store.deleted_batches():
            for batch_id in batches:
                while count := await self._store.delete_of_batch(batch_id, _AT_ONCE):
                    deleted += count
                    await asyncio.sleep(_PAUSE_S)
        return deleted

    async def forget_old(self) -> int:
        """Delete all that is too old now; how many evaluations that were. Several at once do no harm."""
        if self._keep_days is None:
            return 0
        moment = now() - timedelta(days=self._keep_days)
        deleted = 0
        while count := await self._store.delete_before(uuid7_floor(moment), _AT_ONCE):
            deleted += count
            await asyncio.sleep(_PAUSE_S)
        await self._store.hide_batches_before(uuid7_floor(moment))
        await self._store.delete_poison_before(moment)
        deleted += await self.forget_deleted()
        await self._store.delete_unused_before(moment)
        if deleted:
            log.info("retention.deleted", evaluations=deleted, before=moment.isoformat())
        return deleted
