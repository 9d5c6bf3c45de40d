"""The history in the order of commits, for the storage worker's reconciler."""

import time
from collections.abc import Sequence
from typing import Final

from cloche.kit.postgres import Pool, Row, load_sql
from cloche.queue.cursor import read_commit_cursor, write_commit_cursor
from cloche.queue.wire import ENOUGH_BYTES

_RESULTS: Final = load_sql("cloche.queue", "results")
_READ: Final = load_sql("cloche.queue", "results_read")

#: How far the reader is, is noted this often: only what is days old depends on it.
_NOTE_S: Final = 60.0


class Results:
    """Reads pages that skip no late commit."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._noted_at = -_NOTE_S

    async def page(self, after: str, limit: int) -> tuple[Sequence[Row], str]:
        """Up to ``limit`` results after a cursor (empty: from the beginning), and the cursor to go on from.

        At least one if there is any, and no more after ``ENOUGH_BYTES`` of records.

        Whoever passes a cursor has kept all before it, which may be dropped once it is old.

        Raises:
            InvalidRequestError: ``after`` is no cursor.
        """
        tx, evaluation_id = read_commit_cursor(after)
        if time.monotonic() - self._noted_at >= _NOTE_S:
            await self._pool.execute(_READ, str(tx))
            self._noted_at = time.monotonic()
        rows = await self._pool.fetch(_RESULTS, str(tx), evaluation_id, limit, ENOUGH_BYTES)
        if not rows:
            return rows, after
        return rows, write_commit_cursor(int(rows[-1]["tx"]), rows[-1]["evaluation_id"])
