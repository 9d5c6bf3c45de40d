"""``cloche queue dead``: what the platform could not run, to be run again or forgotten."""

import sys
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from cloche.cli.connection import Url, connected
from cloche.cli.exit_codes import FAILED
from cloche.cli.options import AsJson
from cloche.cli.terminal import visible
from cloche.client.client import Client
from cloche.contracts.queue_view import DeadLetter
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError

app = typer.Typer(help="List, run again and forget what the platform could not run.", no_args_is_help=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Ids = Annotated[list[UUID] | None, typer.Argument(help="Evaluations, as 'cloche queue dead list' shows them.")]
Every = Annotated[bool, typer.Option("--all", help="All that are listed.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Those of this reason.")]

#: One call takes no more.
_DISMISSED_AT_ONCE = 1000


@app.command(name="list")
def list_(reason: Reason = None, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Show dead letters, newest first: evaluation, tenant, when, attempts, reason, and every fault before.

    A line each with tabs between. With --json, one object a line.
    """
    with connected(url) as connection:
        for letter in connection.client.dead_letters(reason=reason):
            print(letter.model_dump_json() if as_json else "\t".join(_row(letter)))


@app.command()
def replay(ids: Ids = None, every: Every = False, reason: Reason = None, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Run dead letters again, each as a new evaluation (rerun_of), and take them off the list.

    Prints the old and the new evaluation. Interrupted, say it again: none runs twice. Needs scopes submit and operate.
    """
    failed = False
    with connected(url) as connection:
        for evaluation_id in _chosen(connection.client, ids, reason, every=every):
            failed |= not _replay(connection.client, evaluation_id)
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def delete(ids: Ids = None, every: Every = False, reason: Reason = None, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Take dead letters off the list. Their evaluations stay. Needs scope operate."""
    with connected(url) as connection:
        chosen = list(_chosen(connection.client, ids, reason, every=every))
        parts = [chosen[i : i + _DISMISSED_AT_ONCE] for i in range(0, len(chosen), _DISMISSED_AT_ONCE)]
        count = sum(connection.client.dismiss(part) for part in parts)
    print(f"{count} dead letters deleted.")


def _chosen(client: Client, ids: list[UUID] | None, reason: str | None, *, every: bool) -> Iterator[UUID]:
    if bool(ids) == (every or reason is not None):
        raise typer.BadParameter("Name evaluations, or give --all or --reason.")
    if ids:
        return iter(ids)
    return (letter.evaluation_id for letter in client.dead_letters(reason=reason))


def _replay(client: Client, evaluation_id: UUID) -> bool:
    """Whether it was replayed; else says why not. The key makes a repeat harmless."""
    try:
        again = client.rerun(evaluation_id, idempotency_key=f"replay-{evaluation_id}")
    except (NotFoundError, InvalidRequestError, ConflictError) as error:
        errors.print(f"{evaluation_id}: {visible(error.detail)}", markup=False)
        return False
    client.dismiss([evaluation_id])
    print(f"{evaluation_id}\t{again.id}")
    sys.stdout.flush()
    return True


def _row(letter: DeadLetter) -> tuple[str, ...]:
    before = "; ".join(f"{fault.attempt}: {fault.reason}" for fault in letter.history)
    fields = (letter.tenant, letter.finished_at, str(letter.attempts), letter.reason, before)
    return (str(letter.evaluation_id), *(visible(field) for field in fields))
