"""Whether a submission may be accepted, and the program it becomes. No I/O."""

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Final

from cloche.api.settings import ApiSettings
from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.contracts.limits import Limits
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest, File, Program, RegexCompare
from cloche.contracts.words import ISOLATION_ORDER, Isolation, satisfies
from cloche.kit.clock import now
from cloche.kit.errors import InvalidRequestError
from cloche.kit.linear_regex import check_regex

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_MAX_ENV_BYTES = 32 * 1024
_MAX_ARG_BYTES = 64 * 1024
_MAX_DEPTH = 16
#: Of one answer.
MOST_PROBLEMS: Final = 20
#: How far ahead the start of an evaluation may be.
MOST_DELAY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What executors offered in the last 24 hours; None when that could not be found out yet."""

    offers: tuple[ExecutorOffer, ...] | None

    def find(self, wanted: str) -> RuntimeOffer | None:
        """The newest runtime that answers to ``wanted``."""
        found = [r for offer in self.offers or () for r in offer.runtimes if r.answers_to(wanted)]
        return max(found, key=lambda runtime: version_key(runtime.version), default=None)


def version_key(version: str) -> tuple[tuple[int, str], ...]:
    """Sorts ``3.9`` before ``3.11``; parts that are no numbers sort as text, before numbers."""
    return tuple((int(p), "") if p.isdecimal() else (-1, p) for p in version.split("."))


class _Findings:
    """Collects what is wrong, so that a caller learns all of it at once."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def add(self, field: str, message: str, limit: float | None = None) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(FieldProblem(field=field, message=message, limit=limit))

    def stop_if_any(self) -> None:
        if self.problems:
            raise invalid(self.problems)


def invalid(problems: list[FieldProblem]) -> InvalidRequestError:
    """The refusal that names these, at most ``MOST_PROBLEMS`` of them."""
    detail = "; ".join(f"{p.field}: {p.message}" for p in problems[:3])
    return InvalidRequestError(detail, errors=problems[:MOST_PROBLEMS])


def check_submission(
    request: EvaluationRequest, catalogue: Catalogue, lanes: Collection[str], settings: ApiSettings
) -> Program:
    """The program to run.

    Raises:
        InvalidRequestError: with one entry for each field that is wrong, naming the limit.
    """
    found = _Findings()
    isolation = _isolation(request, settings, found)
    runtime = _check_runtime(request.runtime, isolation, catalogue, found)
    files, entrypoint = _code(request, runtime, settings, found)
    _check_strings(request, found)
    _check_inputs(request, settings, found)
    _check_tests(request, runtime, settings, found)
    _check_place(request, lanes, found)
    checker = _checker(request, isolation, catalogue, settings, found)
    found.stop_if_any()
    return Program(
        runtime=request.runtime,
        files=files,
        entrypoint=entrypoint,
        stdin=request.stdin,
        args=request.args,
        env=request.env,
        limits=request.limits,
        compile_limits=request.compile_limits,
        isolation=isolation,
        network=request.network,
        start=request.start,
        cases=request.cases,
        stop_on_failure=request.stop_on_failure,
        tests=request.tests,
        checker=checker,
    )


def _code(
    request: EvaluationRequest, runtime: RuntimeOffer | None, settings: ApiSettings, found: _Findings
) -> tuple[list[File], str]:
    """The files, and which of them starts; its limits are checked too."""
    files = _files(request, runtime)
    _check_files(files, settings, found)
    entrypoint = request.entrypoint or files[0].path if files else ""
    if files and entrypoint not in {file.path for file in files}:
        found.add("entrypoint", "must be the path of one of the files")
    _check_limits("limits", request.limits, settings.maxima, found)
    _check_limits("compile_limits", request.compile_limits, settings.maxima, found)
    return files, entrypoint


def _isolation(request: EvaluationRequest, settings: ApiSettings, found: _Findings) -> Isolation:
    """The least that it may run under; a loopback of its own takes a network namespace."""
    if request.network != "loopback":
        return request.isolation or settings.default_isolation
    if request.isolation is not None and not satisfies(request.isolation, "namespace"):
        found.add("network", f"loopback needs isolation namespace or stronger, not {request.isolation}")
    return request.isolation or "namespace"


def check_placeable(runtime: str, isolation: Isolation, catalogue: Catalogue) -> None:
    """Whether an executor can run this.

    Raises:
        InvalidRequestError: none does, and what there is.
    """
    found = _Findings()
    _check_runtime(runtime, isolation, catalogue, found)
    found.stop_if_any()


def _check_runtime(wanted: str, isolation: Isolation, catalogue: Catalogue, found: _Findings) -> RuntimeOffer | None:
    if catalogue.offers is None:
        return None
    runtime = catalogue.find(wanted)
    if runtime is None:
        known = sorted({f"{r.name}@{r.version}" for offer in catalogue.offers for r in offer.runtimes})
        found.add("runtime", f"no executor offers {wanted}; there is: {', '.join(known) or 'none'}"[:300])
        return None
    able = [o for o in catalogue.offers if any(r.answers_to(wanted) for r in o.runtimes)]
    levels: set[Isolation] = {level for offer in able for level in _levels(offer)}
    if not any(satisfies(level, isolation) for level in levels):
        there = ", ".join(sorted(levels, key=ISOLATION_ORDER.index))
        found.add("isolation", f"no executor offers {wanted} at {isolation}; there is: {there}")
    return runtime


def _levels(offer: ExecutorOffer) -> set[Isolation]:
    """What it makes cells of, also where its self-test fails just now: what waits for that runs later."""
    return {offer.isolation, *(tier.isolation for tier in offer.tiers)}


def _files(request: EvaluationRequest, runtime: RuntimeOffer | None) -> list[File]:
    if request.files is not None:
        return request.files
    name = request.entrypoint or (runtime.source_file if runtime else "main")
    return [File(path=name, content=request.source or "")]


def _check_files(files: list[File], settings: ApiSettings, found: _Findings) -> None:
    if not files:
        found.add("files", "needs at least one file", 1)
    if len(files) > settings.max_files:
        found.add("files", f"at most {settings.max_files} files", settings.max_files)
        return
    seen: set[str] = set()
    total = 0
    for index, file in enumerate(files):
        field = f"files.{index}"
        reason = path_problem(file.path)
        if reason:
            found.add(f"{field}.path", reason)
        elif file.path in seen:
            found.add(f"{field}.path", "is there twice")
        seen.add(file.path)
        total += _content_bytes(file, field, found)
    folders = {str(parent) for path in seen for parent in PurePosixPath(path).parents}
    for path in sorted(seen & folders):
        found.add("files", f"{path[:100]!r} is both a file and a folder")
    if total > settings.max_source_bytes:
        limit = settings.max_source_bytes
        found.add("files", f"the program has {total} bytes, at most {limit} are allowed", limit)


def path_problem(path: str) -> str | None:
    """Why ``path`` can't be a file of a program; None when it can."""
    if not path or path.startswith("/"):
        return "must be a relative path"
    if any(ord(char) < 32 or ord(char) == 127 or char == "\\" for char in path):
        return "must not hold control characters or backslashes"
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return "must not hold empty parts, '.' or '..'"
    if len(path.encode()) > 255 or len(parts) > _MAX_DEPTH:
        return f"must have at most 255 bytes and {_MAX_DEPTH} parts"
    return None


def _content_bytes(file: File, field: str, found: _Findings) -> int:
    if file.encoding == "utf-8":
        return len(file.content.encode())
    try:
        return len(base64.b64decode(file.content, validate=True))
    except (binascii.Error, ValueError):
        found.add(f"{field}.content", "is not base64")
        return 0


def _check_limits(field: str, limits: Limits, maxima: Limits, found: _Findings) -> None:
    for name in Limits.model_fields:
        value, maximum = getattr(limits, name), getattr(maxima, name)
        if value > maximum:
            found.add(f"{field}.{name}", f"{value:g} is more than the maximum {maximum:g}", maximum)


def _check_strings(request: EvaluationRequest, found: _Findings) -> None:
    for name, value in request.env.items():
        if not _ENV_NAME.match(name):
            found.add("env", f"{name[:64]!r} is not the name of an environment variable")
        if "\0" in value:
            found.add("env", "values must not hold NUL")
    if sum(len(k.encode()) + len(v.encode()) for k, v in request.env.items()) > _MAX_ENV_BYTES:
        found.add("env", f"at most {_MAX_ENV_BYTES} bytes in all", _MAX_ENV_BYTES)
    _check_args("args", request.args, found)
    if "\0" in request.name or any("\0" in text for pair in request.labels.items() for text in pair):
        found.add("labels", "name and labels must not hold NUL")


def _check_args(field: str, args: list[str], found: _Findings) -> None:
    if any("\0" in arg for arg in args):
        found.add(field, "arguments must not hold NUL")
    if sum(len(arg.encode()) for arg in args) > _MAX_ARG_BYTES:
        found.add(field, f"at most {_MAX_ARG_BYTES} bytes in all", _MAX_ARG_BYTES)


def _checker(
    request: EvaluationRequest, isolation: Isolation, catalogue: Catalogue, settings: ApiSettings, found: _Findings
) -> Program | None:
    if request.checker is None:
        return None
    alone = EvaluationRequest.model_validate(request.checker.model_dump(exclude_none=True))
    inner = _Findings()
    runtime = _check_runtime(alone.runtime, isolation, catalogue, inner)
    files, entrypoint = _code(alone, runtime, settings, inner)
    for problem in inner.problems:
        found.add(f"checker.{problem.field}", problem.message, problem.limit)
    return Program(
        runtime=alone.runtime,
        files=files,
        entrypoint=entrypoint,
        limits=alone.limits,
        compile_limits=alone.compile_limits,
        isolation=isolation,
    )


def _check_tests(
    request: EvaluationRequest, runtime: RuntimeOffer | None, settings: ApiSettings, found: _Findings
) -> None:
    tests, limit = request.tests, settings.max_source_bytes
    if tests is None:
        return
    if runtime is not None and runtime.name.partition("-")[0] != "python":
        found.add("tests", f"need a program in Python, not in {runtime.name}")
    if len(tests.code.encode()) + len(tests.setup.encode()) > limit:
        found.add("tests", f"at most {limit} bytes", limit)


def _check_place(request: EvaluationRequest, lanes: Collection[str], found: _Findings) -> None:
    if request.lane not in lanes:
        found.add("lane", f"there is no lane {request.lane}; there are: {', '.join(sorted(lanes))}"[:300])
    if request.run_at is not None and request.run_at > now() + MOST_DELAY:
        found.add("run_at", f"must be within {MOST_DELAY.days} days", MOST_DELAY.days)


def _check_inputs(request: EvaluationRequest, settings: ApiSettings, found: _Findings) -> None:
    limit = settings.max_stdin_bytes
    if len(request.stdin.encode()) > limit:
        found.add("stdin", f"at most {limit} bytes", limit)
    if len(request.cases) > settings.max_cases:
        found.add("cases", f"at most {settings.max_cases} cases", settings.max_cases)
        return
    for index, case in enumerate(request.cases):
        if "\0" in case.name:
            found.add(f"cases.{index}.name", "must not hold NUL")
        if len(case.stdin.encode()) > limit:
            found.add(f"cases.{index}.stdin", f"at most {limit} bytes", limit)
        _check_args(f"cases.{index}.args", case.args, found)
        if isinstance(case.compare, RegexCompare):
            _check_compare(f"cases.{index}.compare", case.compare, found)


def _check_compare(field: str, compare: RegexCompare, found: _Findings) -> None:
    try:
        check_regex(compare.regex)
    except ValueError as error:
        found.add(field, f"is no regular expression of RE2's: {error}"[:300])
