"""``cloche run``: submit a program, pass its output on as it comes, exit with its verdict."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from cloche.cli.connection import Connection, Url, connected, errors
from cloche.cli.exit_codes import OK, code_of_signal, code_of_verdict, described
from cloche.cli.interrupts import InterruptedBySignal, Interrupts
from cloche.cli.limit_options import LimitOptionError, parse_limits
from cloche.cli.options import AsJson
from cloche.cli.relay import OutputRelay
from cloche.cli.rendering import summary_line
from cloche.cli.submission import STDIN, choose_runtime, pairs, read_files, read_text
from cloche.client.watching import OutputChunk
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.events import Retried
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.words import Isolation, Network
from cloche.kit.errors import ClocheError

#: How long an interrupted command waits for the cancelled verdict.
_CANCEL_WAIT_S = 5.0

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="The program; its first file starts. '-': stdin.")]
Runtime = Annotated[str | None, typer.Option("--runtime", "-r", help="name or name@version; else by the file's name.")]
Stdin = Annotated[Path | None, typer.Option("--stdin", help="A file for the program's stdin; '-': ours.")]
Args = Annotated[list[str] | None, typer.Option("--arg", "-a", help="An argument of the program. Repeatable.")]
Env = Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Repeatable.")]
LimitOptions = Annotated[
    list[str] | None,
    typer.Option("--limit", "-l", metavar="NAME=VALUE", help="As wall=2s, memory=64MiB, compile.cpu=20. Repeatable."),
]
Name = Annotated[str, typer.Option("--name", help="A name to find it by.")]
Labels = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Repeatable.")]
LeastIsolation = Annotated[
    Isolation | None,
    typer.Option("--isolation", help="The least that it may run under; else what the server is set to."),
]
NetworkChoice = Annotated[Network, typer.Option("--network", help="loopback: an interface of the cell's own.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Submit, print the id, leave.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Summary and compiler's words also when piped.")]


def register(app: typer.Typer) -> None:
    """Add this command."""
    statuses = described().replace("\n", "\n\n")
    app.command(epilog=f"[bold]Exit status[/bold]\n\n{statuses}")(run)


def run(  # noqa: PLR0913, PLR0917  (one parameter an option)
    files: Files,
    runtime: Runtime = None,
    stdin: Stdin = None,
    arg: Args = None,
    env: Env = None,
    limit: LimitOptions = None,
    name: Name = "",
    label: Labels = None,
    isolation: LeastIsolation = None,
    network: NetworkChoice = "none",
    no_wait: NoWait = False,  # noqa: FBT002  (an option)
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    verbose: Verbose = False,  # noqa: FBT002  (an option)
    url: Url = None,
) -> None:
    """Run a program isolated; its output comes as it is written, the exit status is its verdict.

    With --json, the finished evaluation is printed instead of the output. Ctrl+C cancels it.
    """
    if STDIN in files and (len(files) > 1 or stdin == STDIN):
        raise typer.BadParameter("'-' is the whole program, and can't be its stdin as well.", param_hint="'FILE...'")
    source = read_text(STDIN, "FILE") if files == [STDIN] else None
    program = read_files(files) if source is None else None
    try:
        limits, compile_limits = parse_limits(limit or [])
        request = EvaluationRequest(
            runtime=choose_runtime(runtime, files),
            source=source,
            files=program,
            entrypoint=program[0].path if program else None,
            stdin=read_text(stdin, "--stdin"),
            args=arg or [],
            env=pairs(env or [], "'--env'"),
            name=name or ("" if source is not None else files[0].name),
            labels=pairs(label or [], "'--label'"),
            isolation=isolation,
            network=network,
            limits=limits,
            compile_limits=compile_limits,
        )
    except LimitOptionError as error:
        raise typer.BadParameter(str(error), param_hint="'--limit'") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    with connected(url) as connection:
        raise typer.Exit(_Run(connection, as_json=as_json, verbose=verbose).start(request, wait=not no_wait))


class _Run:
    """One evaluation of this command's, from submission to exit status."""

    def __init__(self, connection: Connection, *, as_json: bool, verbose: bool) -> None:
        self._connection = connection
        self._client = connection.client
        self._as_json = as_json
        self._verbose = verbose

    def start(self, request: EvaluationRequest, *, wait: bool) -> int:
        """The exit status."""
        submitted: Evaluation | None = None
        with Interrupts() as interrupts:
            try:
                # Interrupted in here, it would run on without anyone knowing its id.
                with interrupts.held():
                    submitted = self._client.submit(request)
                if not wait:
                    print(submitted.model_dump_json() if self._as_json else submitted.id)
                    return OK
                finished = self._watch(submitted.id)
                self._tell(finished)
                return code_of_verdict(finished.verdict)
            except InterruptedBySignal as interrupted:
                self._cancel(submitted)
                return code_of_signal(interrupted.number)
            except BrokenPipeError:
                self._cancel(submitted)
                _forget_output()
                return code_of_signal(signal.SIGPIPE)

    def _watch(self, evaluation_id: UUID) -> Evaluation:
        relay = None if self._as_json else OutputRelay(self._client)
        for event in self._client.events(evaluation_id):
            if isinstance(event, Evaluation):
                if relay is not None:
                    relay.finish(event, compiler=self._verbose)
                return event
            if relay is not None and isinstance(event, OutputChunk):
                relay.chunk(event)
            elif relay is not None and isinstance(event, Retried):
                relay.restart(event.reason)
        raise AssertionError("events end with the finished evaluation")

    def _tell(self, finished: Evaluation) -> None:
        if self._as_json:
            print(finished.model_dump_json(), flush=True)
        if self._verbose or sys.stderr.isatty():
            errors.print(summary_line(finished, self._connection.page_of(finished.id)))

    def _cancel(self, submitted: Evaluation | None) -> None:
        """Cancel and wait a moment for the verdict; another signal leaves at once."""
        if submitted is None:
            return
        try:
            self._client.cancel(submitted.id)
            known = self._client.get(submitted.id, wait_s=_CANCEL_WAIT_S)
        except InterruptedBySignal:
            return
        except ClocheError as error:
            errors.print(f"cloche: it may still run: {error.detail}", markup=False)
            return
        if known.status == "finished" and (self._verbose or sys.stderr.isatty()):
            errors.print(summary_line(known, self._connection.page_of(known.id)))


def _forget_output() -> None:
    """Let the interpreter's last flush go nowhere: the reader is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
