"""Whatever JSON a stranger sends is translated or refused; nothing is a defect."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cloche.api.compat.judge0_batches import _by_item
from cloche.api.compat.judge0_config import Most
from cloche.api.compat.judge0_errors import refuse
from cloche.api.compat.judge0_languages import CE, versions_of
from cloche.api.compat.judge0_request import as_request as judge0_request
from cloche.api.compat.piston import as_execution
from cloche.api.compat.piston_languages import runtimes_of
from cloche.api.compat.piston_routes import _refuse as piston_refuse
from cloche.api.compat.sandboxfusion import RunCode
from cloche.api.compat.sandboxfusion import as_request as sandboxfusion_request
from cloche.api.compat.sandboxfusion_submit import Submit, as_problem
from cloche.contracts.problem import FieldProblem
from cloche.kit.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)

ODD = st.sampled_from([1e308, -1e308, -0.0, 2**63, "", "71", "1e9", "nan", "inf", " ", "\0", "true", "*", "../x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FILE = st.fixed_dictionaries({"content": st.text(max_size=5) | JSON}, optional={"name": JSON, "encoding": JSON | ODD})
STAGES = [f"{stage}_{limit}" for stage in ("run", "compile") for limit in ("timeout", "cpu_time", "memory_limit")]
PISTON = st.fixed_dictionaries(
    {"language": st.just("python") | JSON, "version": st.just("*") | JSON, "files": st.lists(FILE, max_size=2) | JSON},
    optional=dict.fromkeys(("stdin", "args", *STAGES), JSON),
)
JUDGE0_FIELDS = (
    *("stdin", "expected_output", "cpu_time_limit", "cpu_extra_time", "wall_time_limit", "memory_limit", "stack_limit"),
    *("max_processes_and_or_threads", "max_file_size", "number_of_runs", "compiler_options", "callback_url"),
    *("command_line_arguments", "redirect_stderr_to_stdout", "enable_network", "additional_files"),
)
JUDGE0 = st.fixed_dictionaries(
    {"source_code": st.just("1") | JSON, "language_id": st.just(71) | JSON},
    optional=dict.fromkeys(JUDGE0_FIELDS, JSON),
)
RUN_FIELDS = ("compile_timeout", "run_timeout", "memory_limit_MB", "stdin", "files", "fetch_files")
RUN = st.fixed_dictionaries(
    {"code": st.just("1") | JSON, "language": st.just("python") | JSON},
    optional=dict.fromkeys(RUN_FIELDS, JSON),
)
CONFIG = st.fixed_dictionaries(
    {
        "dataset_type": st.just("CommonOJDataset") | JSON,
        "language": st.just("python") | JSON,
        "provided_data": st.fixed_dictionaries({"test": JSON}) | JSON,
    },
    optional=dict.fromkeys(("compile_timeout", "run_timeout", "custom_extract_logic", "extra"), JSON),
)
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)


def sent(value: Any) -> Any:
    """As it arrives."""
    return orjson.loads(orjson.dumps(value))


@FIXTURES
@given(PISTON)
def test_piston(offers, options, body):
    with contextlib.suppress(InvalidRequestError, ValidationError):
        as_execution(sent(body), runtimes_of(offers), options)


@FIXTURES
@given(JUDGE0, st.booleans())
def test_judge0(offers, options, body, encoded):
    with contextlib.suppress(InvalidRequestError, ValidationError):
        judge0_request(sent(body), CE, versions_of(offers), Most.of(options), encoded=encoded)


@FIXTURES
@given(RUN)
def test_sandboxfusion(options, body):
    with contextlib.suppress(InvalidRequestError, ValidationError):
        sandboxfusion_request(RunCode.model_validate(sent(body)), options)


@FIXTURES
@given(CONFIG)
def test_sandboxfusion_submit(options, config):
    with contextlib.suppress(InvalidRequestError, ValidationError):
        as_problem(Submit.model_validate({"dataset": "d", "id": 1, "completion": "x", "config": sent(config)}), options)


@pytest.mark.parametrize("number", [1e308, 10**20 - 1])
def test_numbers_beyond_all_bounds_are_refused(offers, options, number):
    for field in ("memory_limit", "cpu_time_limit", "number_of_runs", "language_id"):
        body = {"source_code": "1", "language_id": 71, field: number}
        with pytest.raises(InvalidRequestError):
            judge0_request(body, CE, versions_of(offers), Most.of(options), encoded=False)
    for field in STAGES:
        body = {"language": "python", "version": "*", "files": [{"content": ""}], field: number}
        with pytest.raises(InvalidRequestError):
            as_execution(body, runtimes_of(offers), options)


@pytest.mark.parametrize(
    ("error", "judge0", "piston"),
    [
        (UnauthenticatedError(), (401, b""), 401),
        (ForbiddenError(), (403, b""), 403),
        (NotFoundError(), (404, b'{"status":404,"error":"Not Found"}'), 404),
        (OverloadedError(), (503, b'{"error":"queue is full"}'), 429),
        (UnavailableError("away"), (503, b'{"error":"away"}'), 503),
        (
            InvalidRequestError("no", errors=[FieldProblem(field="limits.wall_time_s", message="too long")]),
            (422, b'{"wall_time_limit":["too long"]}'),
            400,
        ),
    ],
)
def test_each_error_has_the_peers_status_and_body(error, judge0, piston):
    answer = refuse(error)
    assert (answer.status_code, answer.body) == judge0
    theirs = piston_refuse(error)
    assert theirs.status_code == piston
    assert set(orjson.loads(theirs.body)) == {"message"}


def test_problems_of_a_group_are_told_by_the_item_that_has_them():
    problems = [
        FieldProblem(field="evaluations.1.stdin", message="too long"),
        FieldProblem(field="evaluations.0.files.0.content", message="is not base64"),
        FieldProblem(field="evaluations.9.stdin", message="nobody's"),
    ]
    assert _by_item(InvalidRequestError("no", errors=problems), [3, 7]) == {
        7: {"stdin": ["too long"]},
        3: {"source_code": ["is not base64"]},
    }
