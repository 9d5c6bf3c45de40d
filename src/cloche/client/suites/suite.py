"""What a data set and a model's answers become: problems, samples, and the results file that its users know."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from cloche.contracts.batches import SampleSummary
from cloche.contracts.words import Verdict


class SuiteError(Exception):
    """A file is not what the suite's format says; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One program for one problem. ``line`` is what its file said, which the results file repeats."""

    problem: str
    source: str
    line: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """How one sample ended: the first of its repeats."""

    sample: Sample
    summary: SampleSummary
    #: Each case's verdict in order, null where it did not run; empty unless the suite wants them.
    cases: Sequence[Verdict | None] = ()

    @property
    def passed(self) -> bool:
        """Whether it solved its problem."""
        return self.summary.verdict == "accepted"


#: Writes the results beside the samples (or where it is told) and gives the path.
WriteResults: TypeAlias = Callable[[Sequence[Ended], Path], None]


@dataclass(frozen=True, slots=True)
class Work:
    """Everything of one run; ``problems`` are bodies of ``POST /api/v1/problems`` by key."""

    problems: Mapping[str, dict[str, Any]]
    samples: Sequence[Sample]
    write: WriteResults
    #: Of the results' file, beside the samples.
    out_name: str
    #: Whether ``write`` looks at the single cases.
    wants_cases: bool = False

    def numbered(self) -> Iterator[tuple[int, Sample]]:
        """Each with its number among its problem's, from 0."""
        seen: Counter[str] = Counter()
        for sample in self.samples:
            yield seen[sample.problem], sample
            seen[sample.problem] += 1

    @property
    def missing(self) -> list[str]:
        """Problems without a sample, which no rate counts."""
        tried = {sample.problem for sample in self.samples}
        return [key for key in self.problems if key not in tried]

    def used_problems(self) -> list[dict[str, Any]]:
        """Those that have samples, in their order."""
        tried = {sample.problem for sample in self.samples}
        return [body for key, body in self.problems.items() if key in tried]


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number and object; ``.gz`` is unpacked, blank lines are passed over.

    Raises:
        SuiteError: the file can't be read, or a line is no JSON object.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: {error}") from None


def read_json(path: Path) -> Any:
    """The one JSON value of a file.

    Raises:
        SuiteError: it can't be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return json.load(file)
    except (OSError, EOFError, ValueError) as error:
        raise SuiteError(f"{path}: {error}") from None


def text_of(path: Path, number: int, row: dict[str, Any], *names: str) -> str:
    """The first of these fields that is there, as text.

    Raises:
        SuiteError: none is.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    raise SuiteError(f"{path}, line {number}: needs {' or '.join(names)}")


def write_json_lines(rows: Iterator[dict[str, Any]], path: Path) -> None:
    """A line each, in one piece or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    unfinished.replace(path)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise SuiteError(f"{path}, line {number}: is no JSON ({error})") from None
    if not isinstance(row, dict):
        raise SuiteError(f"{path}, line {number}: is no JSON object")
    return cast("dict[str, Any]", row)
