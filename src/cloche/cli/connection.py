"""Which Cloche a command speaks to, and what it says when that fails."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cloche.cli.exit_codes import code_of_error
from cloche.cli.options import resolved
from cloche.cli.terminal import visible
from cloche.client.client import Client
from cloche.client.settings import DEFAULT_URL
from cloche.kit.errors import ClocheError, UnauthenticatedError
from cloche.stack.options import Layout
from cloche.stack.status import read_status

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="CLOCHE_URL",
        help="Where Cloche is; else the one of this machine. CLOCHE_API_KEY holds the key, if one is needed.",
    ),
]

errors = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Connection:
    """A client and the address people use."""

    client: Client
    url: str

    def page_of(self, evaluation_id: object) -> str:
        """The evaluation's page."""
        return f"{self.url.rstrip('/')}/evaluations/{evaluation_id}"


@contextmanager
def connected(url: str | None) -> Generator[Connection]:
    """A connection to ``url``, else to the Cloche that runs on this machine, else to the usual port.

    Expected errors of the block become a message and an exit status of ``exit_codes``.
    """
    try:
        address, key = find_cloche(url)
        with Client(address, api_key=key) as client:
            yield Connection(client, address)
    except ClocheError as error:
        _tell(error)
        raise typer.Exit(code_of_error(error)) from None


def find_cloche(url: str | None) -> tuple[str, str | None]:
    """Its address and the key for it: ``url``, else the Cloche that runs on this machine, else the usual port."""
    key = os.environ.get("CLOCHE_API_KEY") or None
    if url:
        return url, key
    folder = os.environ.get("CLOCHE_DATA_DIR")
    layout = Layout(resolved(Path(folder) if folder else None))
    try:
        stack = read_status(layout)
    except OSError:
        stack = None
    if stack is None:
        return DEFAULT_URL, key
    # Whoever may read the data directory's first key may use it; it goes to that stack alone.
    if key is None and stack.require_keys and os.access(layout.admin_key, os.R_OK):
        key = layout.admin_key.read_text(encoding="utf-8").strip()
    return stack.url, key


def _tell(error: ClocheError) -> None:
    lines = [visible(f"{p.field}: {p.message}") for p in error.errors or ()]
    text = "\n  ".join(["", *lines]) if len(lines) > 1 else visible(error.detail)
    hint = " Set CLOCHE_API_KEY." if isinstance(error, UnauthenticatedError) else ""
    errors.print("[red]error:[/red]", end=" ")
    errors.print(text + hint, markup=False)
