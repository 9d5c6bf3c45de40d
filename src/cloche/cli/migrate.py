"""``cloche migrate``: bring a database to the newest schema."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cloche.cli.failures import told
from cloche.cli.options import DataDir, PgUrl, resolved
from cloche.stack.options import Layout
from cloche.stack.spawn import StackError

PasswordsFile = Annotated[
    Path | None, typer.Option("--passwords-file", help="JSON with a password for each of Cloche's roles.")
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(migrate)


def migrate(data_dir: DataDir = None, pg_url: PgUrl = None, passwords_file: PasswordsFile = None) -> None:
    """Bring the database to the newest schema; safe to repeat.

    With --pg-url, roles and database are made first, with the passwords of the file.
    """
    from cloche.stack.migrate import newest_revision, upgrade
    from cloche.stack.stores import recall_owner

    with told():
        dsn = recall_owner(Layout(resolved(data_dir))) if pg_url is None else _prepare(pg_url, passwords_file)
        upgrade(dsn)
    print(f"The schema is at revision {newest_revision()}.")


def _prepare(pg_url: str, passwords_file: Path | None) -> str:
    from cloche.stack.roles import (
        OWNER_ROLE,
        ROLES,
        create_roles_and_database,
        target_database,
        with_login,
    )

    if passwords_file is None:
        raise StackError("--pg-url needs --passwords-file, so that services can log in later.")
    try:
        passwords: dict[str, str] = json.loads(passwords_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StackError(f"{passwords_file} can't be read: {error}.") from error
    missing = [role for role in ROLES if role not in passwords]
    if missing:
        raise StackError(f"{passwords_file} has no password for {', '.join(missing)}.")
    database = target_database(pg_url)
    asyncio.run(create_roles_and_database(pg_url, passwords, database))
    return with_login(pg_url, OWNER_ROLE, passwords[OWNER_ROLE], database)
