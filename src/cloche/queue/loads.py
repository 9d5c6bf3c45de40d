"""How much each limited tenant has queued, and may: whoever accepts submissions refuses theirs in time."""

from typing import Final

from cloche.contracts.tasks import LoadsAnswer, TenantLoad
from cloche.kit.postgres import Pool, load_sql

_LOADS: Final = load_sql("cloche.queue", "loads")


class Loads:
    """Enqueueing itself refuses nobody: what comes here was accepted, and is never lost."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def now(self) -> LoadsAnswer:
        """Every limited tenant with anything queued; every limit; every lane."""
        limits = await self._pool.fetch("SELECT tenant, max_queued FROM queue.tenant")
        rows = await self._pool.fetch(_LOADS)
        return LoadsAnswer(
            tenants=[
                TenantLoad(tenant=row["tenant"], queued=row["queued"], max_queued=row["max_queued"]) for row in rows
            ],
            limits={row["tenant"]: row["max_queued"] for row in limits},
            lanes=[row["lane"] for row in await self._pool.fetch("SELECT lane FROM queue.lane ORDER BY lane")],
        )
