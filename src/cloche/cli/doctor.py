"""``cloche doctor``: what this machine can do, what is missing, how to get it."""

import json

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from cloche.cli.options import AsJson, DataDir, resolved
from cloche.cli.terminal import visible

console = Console(highlight=False)
_MARKS = {"ok": "[green]✓[/green]", "limited": "[yellow]![/yellow]", "missing": "[red]✗[/red]"}


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (an option)
    """Show what this machine can isolate and run. Exit status 1 when Cloche can't work here."""
    from cloche.kit.logs import configure_logs
    from cloche.stack.findings import examine

    configure_logs("doctor", "error")  # what it finds is told below, and stdout may be JSON
    findings = examine(resolved(data_dir))
    fit = all(finding.grade != "missing" for finding in findings)
    if as_json:
        print(json.dumps({"fit": fit, "findings": [finding.to_json() for finding in findings]}, indent=2))
    else:
        table = Table("", "", "", Column(overflow="fold"), box=None, pad_edge=False, show_header=False)
        for finding in findings:
            detail, remedy = escape(visible(finding.detail)), escape(finding.remedy)
            what = f"{detail}\n[dim]→ {remedy}[/dim]" if remedy else detail
            table.add_row(_MARKS[finding.grade], finding.area, finding.name, what)
        console.print(table)
        console.print("Cloche can work here." if fit else "Cloche can't work here yet: see the lines with ✗.")
    if not fit:
        raise typer.Exit(1)
