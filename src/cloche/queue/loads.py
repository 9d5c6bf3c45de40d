"""Which tenants have nearly as much queued as they may: whoever accepts submissions refuses theirs in time."""

from typing import Final

from cloche.contracts.tasks import LoadsAnswer, TenantLoad
from cloche.kit.postgres import Pool, load_sql

_LOADS: Final = load_sql("cloche.queue", "loads")


class Loads:
    """Enqueueing itself refuses nobody: what comes here was accepted, and is never lost."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def now(self) -> LoadsAnswer:
        """Every tenant with half of what it may queue, or more; every lane."""
        rows = await self._pool.fetch(_LOADS)
        return LoadsAnswer(
            tenants=[
                TenantLoad(tenant=row["tenant"], queued=row["queued"], max_queued=row["max_queued"]) for row in rows
            ],
            lanes=[row["lane"] for row in await self._pool.fetch("SELECT lane FROM queue.lane ORDER BY lane")],
        )
