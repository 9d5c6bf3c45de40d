"""PostgreSQL by asyncpg: one pool a service, SQL in named files."""

from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.pool.PoolConnectionProxy

#: Errors that mean "not now": the server is away, restarting, or too busy.
UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


async def open_pool(dsn: str, *, service: str, size: int = 8, statement_timeout_s: float = 30) -> Pool:
    """A pool whose sessions carry the service's name and never hang for ever.

    Connections are opened on demand, so a server that is away delays calls, not start-up.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        command_timeout=statement_timeout_s,
        timeout=10,
        server_settings={
            "application_name": f"cloche-{service}",
            "idle_in_transaction_session_timeout": "10s",
            "statement_timeout": f"{int(statement_timeout_s * 1000)}",
            "timezone": "UTC",
            "jit": "off",
        },
    )


def load_sql(package: str, name: str) -> str:
    """The text of ``sql/<name>.sql`` in ``package``."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
