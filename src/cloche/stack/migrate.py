"""Brings a database to the newest schema: Alembic runs plain SQL files, one process at a time."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (handed to SQLAlchemy as it is)
from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.util import await_only

#: Any constant will do; it names the lock in pg_locks.
LOCK_ID: Final = 0x636C6F636865
LOCK_TIMEOUT_S: Final = 120


def upgrade(owner_dsn: str, revision: str = "head") -> None:
    """Apply what is missing up to ``revision``, each in one transaction. Idempotent; blocks.

    Call it outside a running event loop. A second process waits for the first and then finds nothing to do.
    """
    config = _config()
    config.attributes["dsn"] = owner_dsn
    command.upgrade(config, revision)


async def upgrade_in_thread(owner_dsn: str) -> None:
    """As ``upgrade``, from a running event loop."""
    await asyncio.to_thread(upgrade, owner_dsn)


def newest_revision() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def current_revision(dsn: str) -> str | None:
    """The revision of a database; None when it was never migrated."""
    connecting: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
    connection = await connecting(dsn, timeout=10)
    try:
        return await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


def sql_upgrade(name: str) -> Callable[[], None]:
    """The ``upgrade`` of a revision: runs ``versions/<name>.sql``, which may hold many statements."""
    text = (files("cloche.stack") / "migrations" / "versions" / f"{name}.sql").read_text(encoding="utf-8")

    def run() -> None:
        driver: Any = op.get_bind().connection.driver_connection
        await_only(driver.execute(text))

    return run


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("cloche.stack"))) / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
