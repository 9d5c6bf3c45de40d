"""PostgreSQL by asyncpg: one pool a service, SQL in named files, types for what asyncpg leaves untyped."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from importlib.resources import files
from typing import Any, Final, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (the protocols below are its types here)


class Row(Protocol):
    """One row, by column name."""

    def __getitem__(self, column: str) -> Any: ...


class Connection(Protocol):
    """One session; a pool offers the same calls, each on a session of its own."""

    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> list[Row]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: object, timeout: float | None = None) -> Row | None:
        """The first row, or None."""
        ...

    async def fetchval(self, query: str, *args: object, timeout: float | None = None) -> Any:
        """The first column of the first row."""
        ...

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Run, and answer the command tag."""
        ...

    async def executemany(self, command: str, args: object, *, timeout: float | None = None) -> None:
        """Run once for each tuple of arguments, in one round trip and one transaction."""
        ...


class Session(Connection, Protocol):
    """An acquired session."""

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or a savepoint inside one."""
        ...


class Pool(Connection, Protocol):
    """A pool of sessions, opened on demand."""

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[Session]:
        """A session to oneself."""
        ...

    async def close(self) -> None:
        """Close every session."""
        ...


#: Errors that mean "not now": the server is away, restarting, or too busy.
UNAVAILABLE: Final[tuple[type[Exception], ...]] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,  # what a session says whose server was killed in mid-answer
)
#: Errors that say of the values themselves that they can't be stored, now or later: no such value, one that a
#: constraint forbids, or too large. What asyncpg can't even encode is a ``ValueError``.
REFUSED: Final[tuple[type[Exception], ...]] = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
)
PostgresError: type[Exception] = asyncpg.PostgresError
UniqueViolationError: type[Exception] = asyncpg.UniqueViolationError
LockNotAvailableError: type[Exception] = asyncpg.LockNotAvailableError


#: Plans are made at the first use and kept, however the tables grow: a plan made when they were empty must be right
#: for a hundred thousand rows, and to an empty table PostgreSQL would take any way in, as all cost the same. So
#: statements under these settings leave it one. Rows are found by their keys alone (``= ANY``), then compared with
#: what the caller says, not joined with it in one step; ``num_nulls(column)`` stands where ``column IS NULL`` would
#: offer a partial index as another way in. Planning anew each time costs more than most of our statements.
PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


#: The server ends a session whose machine is gone or cut off within half a minute, not within Linux's two hours. On
#: a unix socket they say nothing.
_CUT_OFF: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25s",
}


async def open_pool(
    dsn: str, *, service: str, size: int = 8, statement_timeout_s: float = 30, plan_once: bool = False
) -> Pool:
    """A pool whose sessions carry the service's name and never hang for ever.

    Connections are opened on demand, so a server that is away delays calls, not start-up. ``plan_once`` is for
    services whose statements need the same plan whatever their arguments and however full their tables are.
    """
    create: Any = asyncpg.create_pool  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
    pool = await create(
        dsn,
        connection_class=_Session,
        reset=_check_session,
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
            **_CUT_OFF,
            **(PLANNED_ONCE if plan_once else {}),
        },
    )
    return cast("Pool", pool)


class _Session(asyncpg.Connection):
    """Remembers whether a call failed since it was checked."""

    doubted = False

    async def _execute(self, *arguments: Any, **options: Any) -> Any:
        call: Any = super()._execute  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
        return await self._noting(call(*arguments, **options))

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> Any:
        call: Any = super().execute  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
        return await self._noting(call(query, *args, timeout=timeout))

    async def _executemany(self, *arguments: Any, **options: Any) -> Any:
        call: Any = super()._executemany  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
        return await self._noting(call(*arguments, **options))

    async def _noting(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except BaseException:
            self.doubted = True
            raise


async def _check_session(session: _Session) -> None:
    """After a use in which anything failed: whether the session still answers; one that does not is closed by the pool.

    Else, one that broke when the server was killed would be handed out again and again. One that has only answered
    needs no round trip, which would cost more than most of our statements; nor asyncpg's four statements, as an open
    transaction the pool rolls back anyway. So nobody may leave a setting or a session's lock behind.
    """
    if session.doubted:
        await session.execute("SELECT")
        session.doubted = False


def load_sql(package: str, name: str) -> str:
    """The text of ``sql/<name>.sql`` in ``package``."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
