"""The history in the order of commits, for the storage worker's reconciler."""

from collections.abc import Sequence
from typing import Final

from cloche.kit.postgres import Pool, Row, load_sql
from cloche.queue.cursor import read_commit_cursor, write_commit_cursor

_RESULTS: Final = load_sql("cloche.queue", "results")


class Results:
    """Reads pages that skip no late commit."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, after: str, limit: int) -> tuple[Sequence[Row], str]:
        """Up to ``limit`` results after a cursor (empty: from the beginning), and the cursor to go on from.

        Raises:
            InvalidRequestError: ``after`` is no cursor.
        """
        tx, evaluation_id = read_commit_cursor(after)
        rows = await self._pool.fetch(_RESULTS, str(tx), evaluation_id, limit)
        if not rows:
            return rows, after
        return rows, write_commit_cursor(int(rows[-1]["tx"]), rows[-1]["evaluation_id"])
