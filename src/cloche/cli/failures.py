"""Expected failures end a command with one message and status 1, never with a trace."""

from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console

from cloche.kit.errors import ClocheError
from cloche.stack.spawn import StackError

errors = Console(stderr=True, highlight=False)


@contextmanager
def told() -> Generator[None]:
    """Print an expected error of the block and exit with status 1."""
    try:
        yield
    except (StackError, ClocheError) as error:
        errors.print(f"[red]error:[/red] {_escaped(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
