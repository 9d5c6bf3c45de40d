"""``cloche eval``: a model's samples of a data set, graded; pass@k and the format's usual results file."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cloche.cli.connection import Connection, Url, connected, errors
from cloche.cli.exit_codes import FAILED, OK, code_of_signal
from cloche.cli.interrupts import InterruptedBySignal, Interrupts
from cloche.cli.options import AsJson
from cloche.client.batch_flows import BatchUpload
from cloche.client.suites import apps, custom, humaneval, livecodebench, mbpp
from cloche.client.suites.suite import Ended, SuiteError, Work
from cloche.contracts.batches import Batch
from cloche.contracts.words import Verdict

console = Console(highlight=False, soft_wrap=True)

app = typer.Typer(help="Grade a model's samples of a data set: pass@k and a results file.", no_args_is_help=True)

Choice: TypeAlias = Literal["isolated", "inline"]
Reader: TypeAlias = Callable[[Path | None, Path, Choice], Work]

Samples = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What the model wrote.")]
Problems = Annotated[Path | None, typer.Option("--problems", exists=True, dir_okay=False, help="The data set's file.")]
OwnProblems = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A problem a line.")]
Ks = Annotated[str, typer.Option("--k", help="For which k to estimate pass@k, with commas between.")]
Out = Annotated[Path | None, typer.Option("--out", help="The results' file; else beside the samples.")]
Grading = Annotated[
    Choice, typer.Option("--grading", help="inline: tests in the program's own process, which can forge them.")
]
Repeat = Annotated[int, typer.Option("--repeat", min=1, max=100, help="How often each sample is run.")]
Runtime = Annotated[str | None, typer.Option("--runtime", "-r", help="Another name or name@version.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run again what the last 24 hours have run.")]

_READERS: dict[str, tuple[Reader, str]] = {
    "humaneval": (humaneval.read, "HumanEval: lines of task_id and completion (or EvalPlus's solution)."),
    "mbpp": (mbpp.read, "MBPP: lines of task_id and completion."),
    "apps": (apps.read, "APPS: all_codes.json, an object of lists of programs."),
    "livecodebench": (livecodebench.read, "LiveCodeBench: an array of question_id and code_list."),
}


@dataclass(frozen=True, slots=True)
class _Options:
    k: list[int]
    out: Path | None
    repeat: int
    runtime: str | None
    fresh: bool
    as_json: bool


def _register(name: str, read: Reader, says: str) -> None:
    def command(  # noqa: PLR0913, PLR0917  (one parameter an option)
        samples: Samples,
        problems: Problems = None,
        k: Ks = "1,10,100",
        out: Out = None,
        grading: Grading = "isolated",
        repeat: Repeat = 1,
        runtime: Runtime = None,
        fresh: Fresh = False,  # noqa: FBT002  (an option)
        as_json: AsJson = False,  # noqa: FBT002  (an option)
        url: Url = None,
    ) -> None:
        options = _Options(_numbers(k), out, repeat, runtime, fresh, as_json)
        _evaluate(name, lambda: read(problems, samples, grading), samples, options, url)

    command.__doc__ = says
    app.command(name)(command)


for _name, (_read, _says) in _READERS.items():
    _register(_name, _read, _says)


@app.command("custom")
def evaluate_custom(  # noqa: PLR0913, PLR0917  (one parameter an option)
    problems: OwnProblems,
    samples: Samples,
    k: Ks = "1,10,100",
    out: Out = None,
    grading: Grading = "isolated",
    repeat: Repeat = 1,
    runtime: Runtime = None,
    fresh: Fresh = False,  # noqa: FBT002  (an option)
    as_json: AsJson = False,  # noqa: FBT002  (an option)
    url: Url = None,
) -> None:
    """Problems of your own: lines of key, runtime, and cases or tests; samples: lines of key and source."""
    options = _Options(_numbers(k), out, repeat, runtime, fresh, as_json)
    _evaluate("custom", lambda: custom.read(problems, samples, grading), samples, options, url)


def _evaluate(name: str, read: Callable[[], Work], samples: Path, options: _Options, url: str | None) -> None:
    try:
        work = read()
    except SuiteError as error:
        raise typer.BadParameter(str(error)) from None
    if not work.samples:
        raise typer.BadParameter(f"{samples}: holds no sample")
    with connected(url) as connection:
        raise typer.Exit(_run(connection, name, work, samples, options))


def _run(connection: Connection, name: str, work: Work, samples: Path, options: _Options) -> int:
    upload, batch = _upload(name, work, samples, options), None
    key = None if options.fresh else hashlib.sha256(upload.ndjson()).hexdigest()
    with Interrupts() as interrupts:
        try:
            with interrupts.held():
                batch = connection.client.submit_batch(upload, idempotency_key=key)
            batch = _follow(connection, batch)
        except InterruptedBySignal as interrupted:
            if batch is not None:
                errors.print(f"It runs on as batch {batch.id}; the same command goes on with it.", markup=False)
            return code_of_signal(interrupted.number)
    ended = _ended(connection, work, batch)
    out = options.out or samples.with_name(work.out_name)
    work.write(ended, out)
    if options.as_json:
        print(batch.model_dump_json())
    else:
        _tell(batch, work, out, connection)
    return OK if batch.status == "complete" else FAILED


def _upload(name: str, work: Work, samples: Path, options: _Options) -> BatchUpload:
    head: dict[str, Any] = {"name": f"{name}: {samples.name}"[:200], "labels": {"suite": name}, "k": options.k}
    head["repeat"] = options.repeat
    problems = work.used_problems()
    if options.runtime is not None:
        problems = [{**body, "runtime": options.runtime} for body in problems]
    evaluations = [
        {"problem": sample.problem, "sample": number, "source": sample.source} for number, sample in work.numbered()
    ]
    return BatchUpload(head, problems, evaluations)


def _follow(connection: Connection, batch: Batch) -> Batch:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=errors, transient=True) as progress:
        bar = progress.add_task("graded", total=batch.total, completed=batch.finished)
        for batch in connection.client.batch_progress(batch.id):  # noqa: B020, PLR1704  (the last one is returned)
            progress.update(bar, total=batch.total, completed=batch.finished)
    return batch


def _ended(connection: Connection, work: Work, batch: Batch) -> list[Ended]:
    """In the order of the samples' file."""
    client = connection.client
    first = {(each.problem, each.sample): each for each in client.batch_evaluations(batch.id) if not each.repeat}
    found: list[Ended] = []
    for number, sample in work.numbered():
        summary = first[sample.problem, number]
        cases: list[Verdict | None] = []
        if work.wants_cases:
            cases.extend(case.verdict for case in client.get(summary.id).cases or [])
        found.append(Ended(sample, summary, cases))
    return found


def _tell(batch: Batch, work: Work, out: Path, connection: Connection) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(batch.verdicts.items(), key=lambda v: -v[1]))
    console.print(f"{batch.finished} of {batch.total} evaluations: {counts}", markup=False)
    for estimate in batch.pass_at_k:
        if estimate.value is None:
            continue
        between = "" if estimate.low is None else f"  (95 %: {estimate.low:.3f} to {estimate.high:.3f})"
        fewer = f"; {estimate.left_out} problems have fewer samples" if estimate.left_out else ""
        forgeable = "  forgeable: graded inline" if batch.forgeable else ""
        console.print(f"pass@{estimate.k}  {estimate.value:.3f}{between}{fewer}{forgeable}", markup=False)
    if batch.ungradable:
        errors.print(
            f"{batch.ungradable} are left out of that: the platform failed, or they were cancelled.", markup=False
        )
    if work.missing:
        errors.print(f"{len(work.missing)} problems have no sample and are not counted.", markup=False)
    console.print(f"results  {out}", markup=False)
    console.print(f"batch    {connection.url.rstrip('/')}/batches/{batch.id}", markup=False)


def _numbers(text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise typer.BadParameter("numbers with commas between, as 1,10,100", param_hint="'--k'") from None
    if not numbers or numbers[0] < 1:
        raise typer.BadParameter("each k is at least 1", param_hint="'--k'")
    return numbers
