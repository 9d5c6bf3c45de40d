"""``cloche up``, ``down``, ``status``: the stack of one data directory."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from cloche.cli.failures import told
from cloche.cli.options import AsJson, DataDir, PgUrl, RedisUrl, resolved
from cloche.stack import control
from cloche.stack.options import DEFAULT_PORT, Engine, LeastIsolation, StackOptions
from cloche.stack.spawn import StackError
from cloche.stack.status import StackStatus

console = Console(highlight=False)

Port = Annotated[int, typer.Option("--port", envvar="CLOCHE_PORT", min=1, max=65535, help="Of the page and the API.")]
Host = Annotated[str, typer.Option("--host", envvar="CLOCHE_HOST", help="Address to listen on; loopback without keys.")]
Keys = Annotated[bool, typer.Option("--require-keys", envvar="CLOCHE_REQUIRE_KEYS", help="Ask for API keys.")]
EngineChoice = Annotated[Engine, typer.Option("--engine", envvar="CLOCHE_ENGINE", help="How containers are made.")]
DefaultIsolation = Annotated[
    LeastIsolation,
    typer.Option(
        "--default-isolation",
        envvar="CLOCHE_API_DEFAULT_ISOLATION",
        help="For programs that name none; process is weaker, for machines that forbid namespaces.",
    ),
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")]
Hosts = Annotated[list[str] | None, typer.Option("--allow-host", help="A further Host name to answer to. Repeatable.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", envvar="CLOCHE_PARTS", help="Start just this service. Repeatable.", hidden=True),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(  # noqa: PLR0913, PLR0917  (one parameter an option)
    port: Port = DEFAULT_PORT,
    host: Host = "127.0.0.1",
    data_dir: DataDir = None,
    require_keys: Keys = False,  # noqa: FBT002  (an option)
    engine: EngineChoice = "local",
    default_isolation: DefaultIsolation = "namespace",
    pg_url: PgUrl = None,
    redis_url: RedisUrl = None,
    allow_host: Hosts = None,
    only: Only = None,
    detach: Detach = False,  # noqa: FBT002  (an option)
) -> None:
    """Start everything on this machine. In the foreground, Ctrl+C stops it."""
    options = StackOptions(
        data_dir=resolved(data_dir),
        host=host,
        port=port,
        require_keys=require_keys,
        engine=engine,
        default_isolation=default_isolation,
        pg_url=pg_url,
        redis_url=redis_url,
        hosts=tuple(allow_host or ()),
        parts=tuple(only) if only else None,
    )
    with told():
        if control.already_runs(options):
            _say_running(options)
            if not detach:
                raise StackError("It runs in the background; see 'cloche status', stop it with 'cloche down'.")
            return
        started = control.start_supervisor(options, attached=not detach)
        if detach:
            control.await_ready(started)
            _say_running(options)
        else:
            _watch(started, options)


def down(data_dir: DataDir = None) -> None:
    """Stop everything, in good order. What was stored stays."""
    with told():
        stopped = control.stop_supervisor(resolved(data_dir))
    console.print("Cloche is stopped." if stopped else "Cloche does not run.")


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (an option)
    """Show what runs. Exit status 0: all ready; 3: something is not; 4: Cloche does not run."""
    found = control.running(resolved(data_dir))
    if as_json:
        print(json.dumps({"running": found is not None, **(found.to_json() if found else {})}, indent=2))
    elif found is None:
        console.print("Cloche does not run.")
    else:
        console.print(f"{found.url}   data {found.data_dir}   engine {found.engine}", soft_wrap=True)
        console.print(_table(found))
    if found is None:
        raise typer.Exit(4)
    if not found.ready:
        raise typer.Exit(3)


def _say_running(options: StackOptions) -> None:
    console.print(f"Cloche runs at {options.url}", soft_wrap=True)
    if options.require_keys:
        console.print(f"The first admin key is in {options.data_dir / 'admin-key'}", soft_wrap=True)


def _watch(started: control.StartedSupervisor, options: StackOptions) -> None:
    """Show changes until the supervisor ends; Ctrl+C asks it to end."""
    live = Live(console=console, auto_refresh=False) if sys.stdout.isatty() else None
    shown: dict[str, str] = {}
    if live is not None:
        live.start()
    try:
        for message in control.messages_until_end(started):
            if "error" in message:
                raise StackError(message["error"])
            found = control.running(options.data_dir)
            if found is not None and live is not None:
                live.update(_table(found), refresh=True)
            elif found is not None:
                _print_changes(found, shown)
            if message.get("ready"):
                _say_running(options)
    finally:
        if live is not None:
            live.stop()


def _print_changes(found: StackStatus, shown: dict[str, str]) -> None:
    for child in found.children:
        if shown.get(child.name) != child.state:
            shown[child.name] = child.state
            console.print(f"{child.name}: {child.state} {child.message}".rstrip(), markup=False, soft_wrap=True)


def _table(found: StackStatus) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("part", "state", "pid", "restarts", "since", "last exit"):
        table.add_column(column, justify="right" if column in {"pid", "restarts"} else "left", no_wrap=True)
    for child in found.children:
        colour = {"ready": "green", "backoff": "red", "unready": "yellow"}.get(child.state, "default")
        since = (child.since or "")[:19].replace("T", " ")
        state = f"[{colour}]{child.state}[/{colour}]"
        table.add_row(child.name, state, str(child.pid or ""), str(child.restarts), since, child.last_exit or "")
    return table
