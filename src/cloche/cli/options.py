"""Options that several commands share, with the environment variables that set them."""

from pathlib import Path
from typing import Annotated

import typer

from cloche.stack.options import default_data_dir

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="CLOCHE_DATA_DIR", help="Where everything is kept.", show_default="XDG data"),
]
PgUrl = Annotated[
    str | None,
    typer.Option("--pg-url", envvar="CLOCHE_DATABASE_URL", help="An external PostgreSQL, as an administrator."),
]
RedisUrl = Annotated[
    str | None, typer.Option("--redis-url", envvar="CLOCHE_REDIS_URL", help="An external Redis or Valkey.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def resolved(data_dir: Path | None) -> Path:
    """The data directory meant, as an absolute path."""
    return (data_dir or default_data_dir()).expanduser().absolute()
