"""``cloche fsck``: whether queue, record and bus agree, and making them."""

import asyncio
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from cloche.cli.failures import errors
from cloche.cli.options import AsJson, DataDir, PgUrl, RedisUrl, resolved
from cloche.cli.terminal import visible
from cloche.kit.clock import now, parse
from cloche.stack.options import Layout
from cloche.stack.spawn import StackError

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_DISAGREES: Final = 1
_COULD_NOT_LOOK: Final = 2

Since = Annotated[
    str | None,
    typer.Option(help="Only evaluations submitted since then: a time like 2026-01-31T12:00:00Z, or 90m, 12h, 7d ago."),
]
Repair = Annotated[bool, typer.Option("--repair", help="Mend what disagrees.")]
Apart = Annotated[float, typer.Option(help="Seconds between the two looks.", min=0, max=600)]
PasswordsFile = Annotated[
    Path | None, typer.Option("--passwords-file", help="With --pg-url: JSON with the password of each role.")
]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(fsck)


def fsck(  # noqa: PLR0913, PLR0917  (each is an option)
    repair: Repair = False,  # noqa: FBT002  (an option)
    since: Since = None,
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    apart: Apart = 5.0,
    data_dir: DataDir = None,
    pg_url: PgUrl = None,
    passwords_file: PasswordsFile = None,
    redis_url: RedisUrl = None,
) -> None:
    """Compare queue, evaluations and event streams, also beside a platform at work, and say what disagrees.

    A line each, or one JSON object. Exit status 0: all agrees; 1: something disagrees (with --repair: still);
    2: it could not look.
    """
    from cloche.kit.logs import configure_logs
    from cloche.stack.fsck.check import check, places_of

    configure_logs("fsck", "error")  # stdout may be JSON
    try:
        begin = None if since is None else _moment(since)
        places = places_of(Layout(resolved(data_dir)), pg_url, passwords_file, redis_url)
        report = asyncio.run(check(places, since=begin, apart_s=apart, repair=repair))
    except StackError as error:
        errors.print(f"error: {visible(str(error))}", markup=False, soft_wrap=True)
        raise typer.Exit(_COULD_NOT_LOOK) from None
    if as_json:
        print(
            json.dumps(
                {"left": [f.to_json() for f in report.left], "mended": [f.to_json() for f in report.mended]}, indent=2
            )
        )
    else:
        for finding in report.mended:
            print(f"mended: {visible(finding.line)}")
        for finding in report.left:
            print(visible(finding.line))
        print("All agrees." if not report.left else f"{len(report.left)} disagreements.")
    if report.left:
        raise typer.Exit(_DISAGREES)


def _moment(text: str) -> datetime:
    if match := re.fullmatch(r"(\d{1,6})([mhd])", text):
        return now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        return parse(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a time with its offset nor like 12h.") from None
