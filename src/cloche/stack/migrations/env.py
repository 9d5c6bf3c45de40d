"""Alembic's entry: runs the wanted revisions on one asyncpg connection under an advisory lock."""

import asyncio
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (handed to SQLAlchemy as it is)
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from cloche.stack.migrate import LOCK_ID, LOCK_TIMEOUT_S


async def _run() -> None:
    dsn: str = context.config.attributes["dsn"]

    async def connect() -> Any:
        connecting: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
        return await connecting(dsn, timeout=10, server_settings={"application_name": "cloche-migrate"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        # A lock of the session, so that a revision may commit on its own; the session's end frees it.
        await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:id)"), {"id": LOCK_ID})
        await connection.commit()
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


asyncio.run(_run())
