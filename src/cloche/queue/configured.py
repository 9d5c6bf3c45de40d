"""The limits of lanes and tenants as the settings give them, put where the statements read them."""

from collections.abc import Mapping
from typing import Final

from cloche.kit.postgres import Connection, load_sql
from cloche.queue.limits import LaneLimits, TenantLimits

_LANES: Final = load_sql("cloche.queue", "lanes_configure")
_TENANTS: Final = load_sql("cloche.queue", "tenants_configure")

#: Stands for every tenant that has no limits of its own.
_ANY_OTHER: Final = ""


class Configured:
    """Of replicas with different settings the one that applied them last decides."""

    def __init__(
        self, lanes: Mapping[str, LaneLimits], tenants: Mapping[str, TenantLimits], others: TenantLimits
    ) -> None:
        self._lanes = dict(lanes)
        self._tenants = {**tenants, _ANY_OTHER: others}

    @property
    def limits_running(self) -> bool:
        """Whether any lane or tenant may be kept waiting by what runs of its own."""
        return any(one.max_running is not None for one in (*self._lanes.values(), *self._tenants.values()))

    async def apply(self, connection: Connection) -> None:
        """Make the tables say what the settings say. Idempotent.

        Raises: what PostgreSQL raises when it is away.
        """
        lanes, tenants = self._lanes, self._tenants
        await connection.execute(
            _LANES,
            list(lanes),
            [lane.urgency for lane in lanes.values()],
            [lane.max_running for lane in lanes.values()],
            [lane.rate_per_s for lane in lanes.values()],
        )
        await connection.execute(
            _TENANTS,
            list(tenants),
            [tenant.weight for tenant in tenants.values()],
            [tenant.max_queued for tenant in tenants.values()],
            [tenant.max_running for tenant in tenants.values()],
        )
