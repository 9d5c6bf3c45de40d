"""Verdicts whose event was lost, read from the Queue Service's results in the order of its commits."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Final

from cloche.contracts.tasks import ResultHead, ResultHeads, ResultsPage
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.storage.fold import Terminal
from cloche.storage.record_store import RecordStore

log = get_logger()

#: Results younger than this are left to the event that is on its way.
_AGE_S: Final = 3.0
_PAGE: Final = 500


class Reconciler:
    """Looks at every result once, by a cursor in PostgreSQL."""

    def __init__(self, store: RecordStore, queue: ServiceClient) -> None:
        self._store = store
        self._queue = queue

    async def catch_up(self, finish: Callable[[list[Terminal]], Awaitable[None]]) -> None:
        """``finish`` what has no verdict yet, up to the results that are too young.

        Raises: what the stores and the Queue Service raise while they are away; the next call goes on from there.
        """
        cursor = await self._store.cursor()
        while True:
            # Nearly all of them are stored already, so only the heads are read.
            heads = await self._queue.get(_path(cursor, _PAGE), ResultHeads)
            old = list(itertools.takewhile(_is_old, heads.results))
            if not old:
                return
            unfinished = await self._store.unfinished_among([head.evaluation_id for head in old])
            following = heads.next
            if unfinished or len(old) < len(heads.results):
                page = await self._queue.get(_path(cursor, len(old)), ResultsPage)
                following = page.next
                if lost := [Terminal(r.evaluation_id, r.record) for r in page.results if r.evaluation_id in unfinished]:
                    log.warning("storage.reconciled", count=len(lost))
                    await finish(lost)
            cursor = following
            await self._store.move_cursor(cursor)


def _path(cursor: str, limit: int) -> str:
    return f"/queue/internal/v1/results?limit={limit}&after={cursor}"


def _is_old(head: ResultHead) -> bool:
    """So is what comes from the future: that is a clock which was set back, and not worth waiting for."""
    return head.age_s is None or not 0 <= head.age_s < _AGE_S
