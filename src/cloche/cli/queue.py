"""``cloche queue``: what waits and runs, pausing lanes, and dead letters."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cloche.cli import dead_letters
from cloche.cli.connection import Url, connected
from cloche.cli.options import AsJson
from cloche.cli.terminal import visible
from cloche.contracts.queue_view import LaneView, QueueStats, Share

app = typer.Typer(help="See what waits and runs, pause lanes, deal with dead letters.", no_args_is_help=True)
app.add_typer(dead_letters.app, name="dead")
console = Console(highlight=False, soft_wrap=True)

Lane = Annotated[str, typer.Argument(help="The lane, as 'cloche queue stats' shows it.")]

_COLUMNS = (
    "lane",
    "tenant",
    "state",
    "queued",
    "delayed",
    "running",
    "oldest (s)",
    "done/min",
    "wait p50 (s)",
    "wait p95 (s)",
)


@app.command()
def stats(as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Show each lane, then its busiest tenants: what waits and runs, and what finished in the last minute.

    Piped, a line each with tabs between, in the columns of the table. With --json, one object.
    """
    with connected(url) as connection:
        seen = connection.client.queue_stats()
    if as_json:
        print(seen.model_dump_json())
    elif sys.stdout.isatty():
        _print_for_people(seen)
    else:
        for row in rows(seen):
            print("\t".join(row))


@app.command()
def pause(lane: Lane, url: Url = None) -> None:
    """Start nothing more from a lane; what runs goes on. Needs scope operate."""
    _set_paused(lane, url, paused=True)


@app.command()
def resume(lane: Lane, url: Url = None) -> None:
    """Start from a lane again. Needs scope operate."""
    _set_paused(lane, url, paused=False)


def rows(seen: QueueStats) -> Iterator[tuple[str, ...]]:
    """The fields of each lane, then of each tenant in a lane."""
    shares = {(share.lane, share.tenant): share for share in seen.shares}
    for lane in seen.lanes:
        share = shares.pop((lane.lane, None), None)
        yield _row(share or _idle(lane), "paused" if lane.paused else "open")
    for share in shares.values():
        yield _row(share, "")


def _idle(lane: LaneView) -> Share:
    """A lane in which nothing waits, runs or has finished of late."""
    return Share(
        lane=lane.lane,
        tenant=None,
        queued=0,
        delayed=0,
        running=0,
        oldest_age_s=None,
        finished_last_minute=0,
        wait_p50_s=None,
        wait_p95_s=None,
    )


def _row(share: Share, state: str) -> tuple[str, ...]:
    counts = (share.queued, share.delayed, share.running)
    waits = (share.wait_p50_s, share.wait_p95_s)
    return (
        visible(share.lane),
        visible(share.tenant or ""),
        state,
        *(str(count) for count in counts),
        _seconds(share.oldest_age_s),
        str(share.finished_last_minute),
        *(_seconds(wait) for wait in waits),
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _print_for_people(seen: QueueStats) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in {"lane", "tenant", "state"} else "right")
    for row in rows(seen):
        table.add_row(*row)
    console.print(table)
    if seen.dead:
        console.print(f"{seen.dead} dead letters: cloche queue dead list", style="dim")


def _set_paused(lane: str, url: str | None, *, paused: bool) -> None:
    with connected(url) as connection:
        view = connection.client.set_paused(lane, paused=paused)
    print(
        f"Lane {visible(view.lane)} is {'paused' if view.paused else 'open'}: {view.queued} wait, {view.running} run."
    )
