"""``cloche executors``: where programs run, under which isolation, and whether that holds."""

import sys
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloche.cli.connection import Url, connected
from cloche.cli.options import AsJson
from cloche.cli.terminal import visible
from cloche.contracts.execution import TierOffer
from cloche.contracts.tasks import ExecutorSeen
from cloche.contracts.words import isolation_note

console = Console(highlight=False, soft_wrap=True)

_COLOURS = {"healthy": "green", "untested": "dim", "broken": "red", "failing": "red", "silent": "dim"}
_COLUMNS = ("executor", "engine", "isolation", "state", "held", "broken", "busy", "slots", "tested (UTC)")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(executors)


def executors(as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """List the executors with each isolation they offer, and how its self-test went.

    Piped, a line each with tabs between: executor, engine, isolation, state, held, broken, busy,
    slots, when it was tested, then what broke or is lacking. With --json, one JSON object a line.
    """
    with connected(url) as connection:
        seen = connection.client.executors()
    if as_json:
        for one in seen:
            print(one.model_dump_json())
    elif sys.stdout.isatty():
        for one in seen:
            _print_for_people(one)
    else:
        for one in seen:
            for row in rows(one):
                print("\t".join(row))


def rows(seen: ExecutorSeen) -> Iterator[tuple[str, ...]]:
    """For a pipe: the fields of each of its tiers."""
    for tier in _tiers(seen):
        yield tuple(visible(field) for field in (*_row(seen, tier), *_findings(tier)))


def _print_for_people(seen: ExecutorSeen) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column in {"held", "broken", "busy", "slots"} else "left")
    for tier in _tiers(seen):
        cells = [Text(visible(field)) for field in _row(seen, tier)]
        cells[3].stylize(_COLOURS[_state(seen, tier)])
        table.add_row(*cells)
    console.print(table)
    for tier in _tiers(seen):
        for finding in _findings(tier):
            console.print(Text(f"  {visible(finding)}", style="dim"))


def _tiers(seen: ExecutorSeen) -> list[TierOffer]:
    """Its tiers; of an executor that names none, the one isolation that it offers."""
    offer = seen.offer
    return offer.tiers or [TierOffer(isolation=offer.isolation, healthy=offer.healthy)]


def _row(seen: ExecutorSeen, tier: TierOffer) -> tuple[str, ...]:
    offer = seen.offer
    return (
        offer.name,
        offer.engine,
        tier.isolation,
        _state(seen, tier),
        str(tier.held),
        str(len(tier.broken)),
        str(offer.busy),
        str(offer.slots),
        (tier.tested_at or "")[:19].replace("T", " "),
    )


def _state(seen: ExecutorSeen, tier: TierOffer) -> str:
    if seen.stale:
        return "silent"
    if tier.broken:
        return "broken"
    if not tier.healthy and tier.tested_at is None:
        return "untested"
    return "healthy" if tier.healthy and seen.offer.healthy else "failing"


def _findings(tier: TierOffer) -> Iterator[str]:
    """What people must know of it, a sentence each."""
    note = isolation_note(tier.isolation)
    if note is not None:
        yield note
    yield from (f"{tier.isolation} broken: {broken.name}: {broken.message}" for broken in tier.broken)
    yield from (f"{tier.isolation} lacks: {sentence}" for sentence in tier.lacking)
