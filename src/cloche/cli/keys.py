"""``cloche keys``: API keys, managed in the database itself."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import typer
from rich.console import Console
from rich.table import Table

from cloche.cli.failures import told
from cloche.cli.options import AsJson, DataDir, PgUrl, resolved
from cloche.contracts.words import Scope
from cloche.kit.keys import ALL_SCOPES
from cloche.stack.options import Layout
from cloche.stack.spawn import StackError

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
console = Console(highlight=False)
T = TypeVar("T")

Tenant = Annotated[str, typer.Option("--tenant", help="Whose evaluations the key sees and makes.")]
Scopes = Annotated[list[str], typer.Option("--scope", help=f"What it may do: {', '.join(ALL_SCOPES)}. Repeatable.")]
Name = Annotated[str, typer.Option("--name", help="A note for people.")]


@app.command()
def create(
    tenant: Tenant = "default",
    scope: Scopes = ["submit", "read"],  # noqa: B006  (Typer copies it)
    name: Name = "",
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    data_dir: DataDir = None,
    pg_url: PgUrl = None,
) -> None:
    """Make a key and print it: it is shown this once."""
    from cloche.stack.api_keys import create_key

    with told():
        unknown = sorted(set(scope) - set(ALL_SCOPES))
        if unknown:
            raise StackError(f"There is no scope {', '.join(unknown)}; there are {', '.join(ALL_SCOPES)}.")
        scopes: list[Scope] = [known for known in ALL_SCOPES if known in scope]
        key = _run(create_key(_dsn(data_dir, pg_url), tenant, scopes, name))
    print(json.dumps({"key": key, "tenant": tenant, "scopes": scopes, "name": name}) if as_json else key)


@app.command(name="list")
def list_(as_json: AsJson = False, data_dir: DataDir = None, pg_url: PgUrl = None) -> None:  # noqa: FBT002  (an option)
    """Show every key, without its secret."""
    from cloche.stack.api_keys import list_keys

    with told():
        rows = _run(list_keys(_dsn(data_dir, pg_url)))
    if as_json:
        print(json.dumps([row.to_json() for row in rows], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "tenant", "scopes", "name", "created", "revoked"):
        table.add_column(column)
    for row in rows:
        revoked = f"{row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else ""
        table.add_row(row.id, row.tenant, " ".join(row.scopes), row.name, f"{row.created_at:%Y-%m-%d %H:%M}", revoked)
    console.print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as 'cloche keys list' shows it.")],
    data_dir: DataDir = None,
    pg_url: PgUrl = None,
) -> None:
    """End a key. Services notice within five seconds."""
    from cloche.stack.api_keys import revoke_key

    with told():
        _run(revoke_key(_dsn(data_dir, pg_url), key_id))
    print(f"Key {key_id} is revoked.")


def _dsn(data_dir: DataDir, pg_url: PgUrl) -> str:
    from cloche.stack.roles import target_database
    from cloche.stack.stores import recall_owner

    if pg_url is None:
        return recall_owner(Layout(resolved(data_dir)))
    return urlunsplit(urlsplit(pg_url)._replace(path=f"/{target_database(pg_url)}"))


def _run(work: Coroutine[Any, Any, T]) -> T:
    from cloche.kit.postgres import UNAVAILABLE

    try:
        return asyncio.run(work)
    except UNAVAILABLE as error:
        raise StackError(f"PostgreSQL does not answer ({type(error).__name__}); is Cloche up?") from error
