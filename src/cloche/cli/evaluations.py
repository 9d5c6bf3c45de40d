"""``cloche list``, ``show``, ``cancel``, ``logs``: the evaluations that Cloche holds."""

import sys
from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from cloche.cli.connection import Url, connected
from cloche.cli.exit_codes import code_of_signal
from cloche.cli.interrupts import InterruptedBySignal, Interrupts
from cloche.cli.options import AsJson
from cloche.cli.quantities import state_of
from cloche.cli.relay import OutputRelay
from cloche.cli.rendering import case_row, cases_table, facts, facts_table, list_row, list_table, state_text
from cloche.cli.terminal import visible
from cloche.client.calls import ListFilter
from cloche.client.client import Client
from cloche.client.watching import OutputChunk
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.events import Retried
from cloche.contracts.words import STREAMS, Status, Stream, Verdict

console = Console(highlight=False, soft_wrap=True)

EvaluationId = Annotated[UUID, typer.Argument(metavar="ID", help="The evaluation's id.")]
StatusFilter = Annotated[Status | None, typer.Option("--status", help="Only these.")]
VerdictFilter = Annotated[Verdict | None, typer.Option("--verdict", help="Only these.")]
RuntimeFilter = Annotated[str | None, typer.Option("--runtime", "-r", help="Only of this runtime.")]
LabelFilter = Annotated[str | None, typer.Option("--label", metavar="KEY=VALUE", help="Only with this label.")]
NameFilter = Annotated[str | None, typer.Option("--name", help="Only with this text in the name.")]
Count = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
StreamChoice = Annotated[Stream | None, typer.Option("--stream", help="Only this one.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Until it is finished.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("list")(list_)
    app.command()(show)
    app.command()(cancel)
    app.command()(logs)


def list_(  # noqa: PLR0913, PLR0917  (one parameter an option)
    status: StatusFilter = None,
    verdict: VerdictFilter = None,
    runtime: RuntimeFilter = None,
    label: LabelFilter = None,
    name: NameFilter = None,
    limit: Count = 50,
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    url: Url = None,
) -> None:
    """List evaluations, newest first.

    Piped, a line each with tabs between: id, status, verdict, runtime, wall ms, CPU ms, peak
    memory in bytes, when it was created, name. With --json, one JSON object a line.
    """
    key, separator, value = (label or "").partition("=")
    if label is not None and not (separator and key):
        raise typer.BadParameter(f"'{label}' is not key=value.", param_hint="'--label'")
    wanted = ListFilter(
        status=status, verdict=verdict, runtime=runtime, label=(key, value) if label else None, name=name
    )
    with connected(url) as connection:
        runs = islice(connection.client.list(wanted, page_size=min(limit, 200)), limit)
        if as_json or not sys.stdout.isatty():
            for run in runs:
                print(run.model_dump_json() if as_json else list_row(run))
        else:
            console.print(list_table(list(runs)))


def show(evaluation_id: EvaluationId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Show everything known about an evaluation but its output; see 'logs' for that."""
    with connected(url) as connection:
        run = connection.client.get(evaluation_id)
        page = connection.page_of(run.id)
    if as_json:
        print(run.model_dump_json())
    elif sys.stdout.isatty():
        console.print(facts_table(run, page))
        if run.cases:
            console.print()
            console.print(cases_table(run.cases))
    else:
        for name, value in facts(run, page):
            print(f"{name}\t{visible(value)}")
        for case in run.cases:
            print(case_row(case))


def cancel(evaluation_id: EvaluationId, as_json: AsJson = False, url: Url = None) -> None:  # noqa: FBT002  (an option)
    """Cancel an evaluation. A finished one stays as it is."""
    with connected(url) as connection:
        run = connection.client.cancel(evaluation_id)
    if as_json:
        print(run.model_dump_json())
    elif run.status == "finished":
        console.print("It is finished:", state_text(state_of(run)))
    else:
        console.print("It is being cancelled.")


def logs(
    evaluation_id: EvaluationId,
    stream: StreamChoice = None,
    follow: Follow = False,  # noqa: FBT002  (an option)
    url: Url = None,
) -> None:
    """Print what the program wrote so far, byte for byte: its stdout on ours, its stderr on ours."""
    streams = STREAMS if stream is None else (stream,)
    with connected(url) as connection, Interrupts():
        try:
            _print_output(connection.client, evaluation_id, streams, follow=follow)
        except InterruptedBySignal as interrupted:
            raise typer.Exit(code_of_signal(interrupted.number)) from None


def _print_output(client: Client, evaluation_id: UUID, streams: tuple[Stream, ...], *, follow: bool) -> None:
    relay = OutputRelay(client, streams)
    run = client.get(evaluation_id)
    if run.status != "finished" and not follow:
        relay.stored(run)
        relay.close()
        return
    for event in client.events(evaluation_id):
        if isinstance(event, OutputChunk):
            relay.chunk(event)
        elif isinstance(event, Retried):
            relay.restart(event.reason)
        elif isinstance(event, Evaluation):
            relay.finish(event)
