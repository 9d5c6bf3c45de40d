"""Errors as Judge0's clients expect them. Pure but for being an answer."""

import re
from typing import Any, Final

from fastapi.responses import JSONResponse, Response

from cloche.contracts.problem import FieldProblem
from cloche.kit.errors import ClocheError, InvalidRequestError, MalformedRequestError, NotFoundError, OverloadedError

#: Which of its fields one of ours was made from.
_FIELDS: Final = (
    (re.compile(r"runtime|isolation"), "language_id"),
    (re.compile(r"(cases\.\d+\.)?stdin"), "stdin"),
    (re.compile(r"cases\.\d+\.expected_stdout"), "expected_output"),
    (re.compile(r"(cases\.\d+\.)?args"), "command_line_arguments"),
    (re.compile(r"files.*|source"), "source_code"),
    (re.compile(r"limits\.cpu_time_s"), "cpu_time_limit"),
    (re.compile(r"limits\.wall_time_s"), "wall_time_limit"),
    (re.compile(r"limits\.memory_bytes"), "memory_limit"),
    (re.compile(r"limits\.stack_bytes"), "stack_limit"),
    (re.compile(r"limits\.processes"), "max_processes_and_or_threads"),
    (re.compile(r"limits\.(file|output)_bytes"), "max_file_size"),
)


def as_errors(problems: list[FieldProblem]) -> dict[str, list[str]]:
    """Messages by field, as Rails has them."""
    errors: dict[str, list[str]] = {}
    for problem in problems:
        name = next((name for pattern, name in _FIELDS if pattern.fullmatch(problem.field)), problem.field)
        errors.setdefault(name, []).append(problem.message)
    return errors


def refuse(error: ClocheError) -> Response:
    """The answer to an error; one without the right key has no body."""
    if error.status in {401, 403}:
        return Response(status_code=error.status)
    if isinstance(error, NotFoundError):
        return JSONResponse({"status": 404, "error": "Not Found"}, 404)
    if isinstance(error, InvalidRequestError) and not isinstance(error, MalformedRequestError) and error.errors:
        return JSONResponse(as_errors(error.errors), 422)
    if error.retryable:
        message: Any = "queue is full" if isinstance(error, OverloadedError) else error.detail
        return JSONResponse({"error": message}, 503)
    return JSONResponse({"error": error.detail}, error.status)
