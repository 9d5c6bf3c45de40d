"""``cloche runtimes``: what can be run and why something can't; and runtimes with packages of one's own."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloche.cli.connection import Url, connected
from cloche.cli.failures import told
from cloche.cli.options import AsJson, DataDir, resolved
from cloche.cli.terminal import visible
from cloche.contracts.tasks import ExecutorSeen

app = typer.Typer(help="Show what can be run, and add runtimes with packages of your own.")
console = Console(highlight=False, soft_wrap=True)

Name = Annotated[str, typer.Argument(help="What programs will name, such as python-sci.")]
Venv = Annotated[Path | None, typer.Option("--venv", help="A Python virtual environment.")]
Modules = Annotated[Path | None, typer.Option("--node-modules", help="A node_modules directory, or what holds it.")]
Base = Annotated[str | None, typer.Option("--from", help="The runtime it extends: python, javascript or typescript.")]
Here = Annotated[bool, typer.Option("--here", help="Look at this machine instead of asking a running Cloche.")]


@dataclass(frozen=True)
class Row:
    """One version of a runtime, or one that can't be had. ``detail`` is its tool, or the reason."""

    name: str
    state: str
    version: str
    isolation: str
    where: str
    detail: str


@app.callback(invoke_without_command=True)
def runtimes(
    context: typer.Context,
    here: Here = False,  # noqa: FBT002  (an option)
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """List every runtime: ready with its version, isolation and tool; or missing, with the reason.

    Piped, a line each with tabs between: name, state, version, isolation, executor, tool or reason.
    With --json, one JSON object a line.
    """
    if context.invoked_subcommand is not None:
        return
    if here:
        with told():
            rows = _here(resolved(data_dir))
    else:
        with connected(url) as connection:
            rows = [row for seen in connection.client.executors() for row in offered(seen)]
    rows = sorted(dict.fromkeys(rows), key=lambda row: row.name)
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row)))
    elif sys.stdout.isatty():
        console.print(_table(rows))
    else:
        for row in rows:
            print("\t".join(visible(field) for field in asdict(row).values()))


@app.command()
def add(
    name: Name,
    venv: Venv = None,
    node_modules: Modules = None,
    base: Base = None,
    data_dir: DataDir = None,
) -> None:
    """Make a runtime whose programs see the packages of a directory, read-only."""
    from cloche.stack import runtimes_folder
    from cloche.stack.options import Layout
    from cloche.stack.spawn import StackError

    folder = Layout(resolved(data_dir)).runtimes
    with told():
        if (venv is None) == (node_modules is None):
            raise StackError("Give either --venv or --node-modules.")
        if venv is not None:
            runtimes_folder.add_venv(folder, name, venv, base or "python")
        elif node_modules is not None:
            runtimes_folder.add_node_modules(folder, name, node_modules, base or "javascript")
        console.print(f"Added {name}. {_told_executor(resolved(data_dir), venv or node_modules)}")


@app.command()
def remove(name: Name, data_dir: DataDir = None) -> None:
    """Take away a runtime that was added; its packages stay where they are."""
    from cloche.stack import runtimes_folder
    from cloche.stack.options import Layout

    with told():
        runtimes_folder.remove(Layout(resolved(data_dir)).runtimes, name)
        console.print(f"Removed {name}. {_told_executor(resolved(data_dir), None)}")


def _told_executor(data_dir: Path, shown: Path | None) -> str:
    """Have the running executor read the folder again; when that has an effect."""
    from cloche.stack.runtimes_notice import notice

    return notice(data_dir, shown)


def offered(seen: ExecutorSeen) -> Iterator[Row]:
    """What an executor offers, and what it refuses and why."""
    offer = seen.offer
    tiers = [tier.isolation for tier in offer.tiers if tier.healthy] or [offer.isolation]
    state = "ready" if offer.healthy and not seen.stale else "away"
    for runtime in offer.runtimes:
        yield Row(runtime.name, state, runtime.version, ", ".join(tiers), offer.name, runtime.tool)
    for name, reason in offer.refused_runtimes.items():
        yield Row(name, "missing", "", "", offer.name, reason)


def _here(data_dir: Path) -> list[Row]:
    from cloche.stack.options import Layout
    from cloche.stack.visible import find_runtimes, version_of

    rows: list[Row] = []
    for found in find_runtimes(Layout(data_dir).runtimes):
        if not found.toolchains:
            rows.append(Row(found.name, "missing", "", "", "here", found.reason))
        rows += [Row(found.name, "found", version_of(found.way, t), "", "here", t.tool) for t in found.toolchains]
    return rows


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("runtime", "state", "version", "isolation", "executor", "tool, or why not"):
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = [Text(visible(field)) for field in asdict(row).values()]
        cells[1].stylize({"ready": "green", "found": "green", "missing": "yellow"}.get(row.state, "dim"))
        table.add_row(*cells)
    return table
