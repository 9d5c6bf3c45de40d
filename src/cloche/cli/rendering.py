"""Evaluations as lines and tables. What programs and callers wrote is shown, never obeyed."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from cloche.cli.evidence import evidence_line
from cloche.cli.quantities import STATE_SIGNS, byte_count, duration, state_of, words
from cloche.cli.terminal import visible
from cloche.contracts.evaluation import CaseView, Evaluation, EvaluationSummary, OutputView
from cloche.contracts.words import Status, Verdict


def state_text(state: Verdict | Status) -> Text:
    """Sign and word in the state's colour."""
    sign, colour = STATE_SIGNS[state]
    return Text(f"{sign} {words(state)}", style=colour)


def summary_line(run: Evaluation, page: str) -> Text:
    """The verdict, why, what it took, and where to read more."""
    why = f": {visible(run.message)}" if run.message and run.verdict != "accepted" else ""
    facts = [
        f"{duration(run.wall_time_ms)} wall",
        f"{duration(run.cpu_time_ms)} CPU",
        byte_count(run.peak_memory_bytes),
        *(f"{name} cut at {byte_count(view.kept)}" for name, view in _streams(run) if view.truncated),
        *([run.isolation_note] if run.isolation_note else []),
        page,
    ]
    return Text.assemble(state_text(state_of(run)), why, Text("  " + " · ".join(facts), style="dim"))


def list_table(runs: list[EvaluationSummary]) -> Table:
    """For a terminal."""
    table = _table("id", "state", "runtime", ">wall", ">CPU", ">memory", "created (UTC)", "name")
    for run in runs:
        table.add_row(
            str(run.id),
            state_text(state_of(run)),
            Text(visible(run.runtime)),
            duration(run.wall_time_ms),
            duration(run.cpu_time_ms),
            byte_count(run.peak_memory_bytes),
            run.timeline.created_at[:19].replace("T", " "),
            Text(visible(run.name)),
        )
    return table


def list_row(run: EvaluationSummary) -> str:
    """For a pipe: id, status, verdict, runtime, wall ms, CPU ms, peak bytes, created, name; tabs between them."""
    fields = (
        run.id,
        run.status,
        run.verdict,
        run.runtime,
        run.wall_time_ms,
        run.cpu_time_ms,
        run.peak_memory_bytes,
        run.timeline.created_at,
        run.name,
    )
    return "\t".join("" if field is None else visible(str(field)) for field in fields)


def facts(run: Evaluation, page: str) -> Iterator[tuple[str, str]]:
    """Name and value of everything known but output and cases."""
    yield "id", str(run.id)
    yield "state", words(state_of(run))
    yield "message", run.message
    yield "name", run.name
    yield "labels", " ".join(f"{key}={value}" for key, value in sorted(run.labels.items()))
    yield "runtime", run.runtime
    yield "isolation", f"{run.isolation} ({run.engine})" if run.isolation else ""
    yield "isolation note", run.isolation_note or ""
    yield "held in by", ", ".join(run.isolation_features)
    yield "exit", _ending(run.exit_code, run.signal)
    yield "evidence", evidence_line(run.evidence)
    yield "wall", duration(run.wall_time_ms)
    yield "CPU", duration(run.cpu_time_ms)
    yield "memory", byte_count(run.peak_memory_bytes)
    for name, view in _streams(run):
        yield name, byte_count(view.bytes) + (f", cut at {byte_count(view.kept)}" if view.truncated else "")
    yield "attempts", str(run.attempts)
    yield "rerun of", str(run.rerun_of or "")
    for step, at in run.timeline.model_dump().items():
        yield step.removesuffix("_at"), at or ""
    yield "page", page


def facts_table(run: Evaluation, page: str) -> Table:
    """For a terminal: facts that are there."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts(run, page):
        shown = state_text(state_of(run)) if name == "state" else Text(visible(value))
        if value:
            table.add_row(Text(name, style="dim"), shown)
    return table


def cases_table(cases: list[CaseView]) -> Table:
    """For a terminal."""
    table = _table(">#", "case", "verdict", ">wall", ">CPU", ">memory", "exit", "message")
    for case in cases:
        table.add_row(
            str(case.index + 1),
            Text(visible(case.name)),
            state_text(case.verdict) if case.verdict else Text("- skipped", style="dim"),
            duration(case.wall_time_ms),
            duration(case.cpu_time_ms),
            byte_count(case.peak_memory_bytes),
            _ending(case.exit_code, case.signal),
            Text(visible(case.message)),
        )
    return table


def case_row(case: CaseView) -> str:
    """For a pipe: the word case, number, name, verdict, wall ms, CPU ms, peak bytes, message; tabs between them."""
    fields = ("case", case.index + 1, case.name, case.verdict or "", case.wall_time_ms, case.cpu_time_ms)
    return "\t".join(visible(str(field)) for field in (*fields, case.peak_memory_bytes, case.message))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", no_wrap=True)
    return table


def _streams(run: Evaluation) -> tuple[tuple[str, OutputView], tuple[str, OutputView]]:
    return ("stdout", run.stdout), ("stderr", run.stderr)


def _ending(exit_code: int | None, signal: int | None) -> str:
    if signal is not None:
        return f"signal {signal}"
    return "" if exit_code is None else f"status {exit_code}"
