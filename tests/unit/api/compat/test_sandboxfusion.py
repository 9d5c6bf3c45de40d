"""SandboxFusion's words into ours and back."""

import base64

import pytest
from pydantic import ValidationError

from cloche.api.compat.options import DoorOptions
from cloche.api.compat.sandboxfusion import RunCode, answer, as_request, details_of, refusal
from cloche.contracts.limits import GIB, MIB
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import InvalidRequestError, OverloadedError, UnauthenticatedError


def translated(options: DoorOptions, **body):
    return as_request(RunCode.model_validate({"code": "1", "language": "python", **body}), options)


def test_defaults_are_ten_seconds_and_the_doors_memory(options):
    request = translated(options)
    assert (request.limits.wall_time_s, request.compile_limits.wall_time_s) == (10, 10)
    assert request.limits.memory_bytes == GIB
    assert request.limits.cpu_time_s == options.maxima.cpu_time_s, "it limits wall time alone"
    assert (request.stdin, request.labels["door"]) == ("", "sandboxfusion")


@pytest.mark.parametrize(("mib", "expected"), [(-1, GIB), (0, GIB), (64, 64 * MIB)])
def test_memory_is_in_mib_and_minus_one_is_none(options, mib, expected):
    assert translated(options, memory_limit_MB=mib).limits.memory_bytes == expected


def test_times_may_be_text(options):
    assert translated(options, run_timeout="2.5").limits.wall_time_s == 2.5


def test_stdin_gets_no_newline(options):
    assert translated(options, stdin="a").stdin == "a"
    assert translated(options, stdin=None).stdin == ""


def test_files_that_are_null_or_to_be_ignored_are_left_out(options):
    data = base64.b64encode(b"x").decode()
    files = {"./a/b.txt": data, "c": None, "IGNORE_THIS_FILE_1": data, "main.py": data}
    request = translated(options, files=files)
    assert [file.path for file in files_of(request)] == ["main.py", "a/b.txt"]
    assert files_of(request)[0].content == "1"


def test_php_gets_its_opening_tag_only_where_it_lacks(options):
    assert files_of(translated(options, language="php", code="echo 1;"))[0].content == "<?php\necho 1;"
    assert files_of(translated(options, language="php", code="<?php echo 1;"))[0].content == "<?php echo 1;"


@pytest.mark.parametrize("language", ["cuda", "lean", "pytest", "verilog"])
def test_languages_of_theirs_that_there_are_not_are_refused(options, language):
    with pytest.raises(InvalidRequestError, match="no runtime"):
        translated(options, language=language)


def test_files_to_fetch_are_refused(options):
    with pytest.raises(InvalidRequestError, match="fetch_files"):
        translated(options, fetch_files=["out.txt"])


def test_unknown_fields_are_ignored(options):
    assert translated(options, surprise=1).runtime == "python"


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [({"language": "klingon", "code": "1"}, "literal_error", "language"), ({"language": "cpp"}, "missing", "code")],
)
def test_a_wrong_body_is_told_as_fastapi_tells_it(body, kind, field):
    with pytest.raises(ValidationError) as caught:
        RunCode.model_validate(body)
    (found,) = details_of(caught.value)
    assert (found["type"], found["loc"]) == (kind, ["body", field])
    assert set(found) == {"type", "loc", "msg", "input"}


def test_a_program_does_not_stand_in_a_refusal():
    with pytest.raises(ValidationError) as caught:
        RunCode.model_validate({"code": ["secret " * 50], "language": "python"})
    assert "secret" not in str(details_of(caught.value))


def test_success(ran):
    found = answer(ran(b"hi\n"))
    assert (found["status"], found["message"], found["compile_result"]) == ("Success", "", None)
    assert found["run_result"] == {
        "status": "Finished",
        "execution_time": 0.06,
        "return_code": 0,
        "stdout": "hi\n",
        "stderr": "",
    }
    assert (found["files"], found["executor_pod_name"]) == ({}, None)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"exit_code": 3}, "Finished", 3),
        ({"exit_code": None, "signal": 11}, "Finished", -11),
        ({"verdict": "time_limit_exceeded", "limit": "wall_time_s", "exit_code": None, "signal": 9}, None, None),
        ({"verdict": "time_limit_exceeded", "limit": "cpu_time_s", "exit_code": None, "signal": 9}, None, None),
        ({"verdict": "memory_limit_exceeded", "limit": "memory_bytes", "exit_code": 0}, "Finished", -9),
        ({"verdict": "output_limit_exceeded", "limit": "output_bytes", "exit_code": 0}, "Finished", -9),
        ({"exit_code": None}, "Finished", 127),
    ],
)
def test_failure_is_told_by_the_kernels_evidence(ran, given, status, code):
    found = answer(ran(b"part", **{"verdict": "runtime_error", **given}))
    assert (found["status"], found["message"]) == ("Failed", "")
    result = found["run_result"]
    assert (result["status"], result["return_code"]) == (status or "TimeLimitExceeded", code)
    assert result["stdout"] == "part"


def test_a_compile_error_has_no_run(ran, compiled):
    found = answer(ran(verdict="compile_error", compile=compiled("no such thing", 1), exit_code=1))
    assert (found["status"], found["run_result"]) == ("Failed", None)
    assert (found["compile_result"]["return_code"], found["compile_result"]["stderr"]) == (1, "no such thing")


def test_a_compiler_out_of_time(ran, compiled):
    found = answer(ran(verdict="compile_error", limit="wall_time_s", compile=compiled(exit_code=None, signal=9)))
    assert (found["compile_result"]["status"], found["compile_result"]["return_code"]) == ("TimeLimitExceeded", None)
    assert found["status"] == "Failed"


def test_a_run_that_compiled_and_failed_keeps_the_compilers_success(ran, compiled):
    late = {"verdict": "time_limit_exceeded", "limit": "wall_time_s", "exit_code": None, "signal": 9}
    found = answer(ran(compile=compiled("a warning"), **late))
    assert (found["compile_result"]["status"], found["compile_result"]["return_code"]) == ("Finished", 0)
    assert found["run_result"]["status"] == "TimeLimitExceeded"


@pytest.mark.parametrize("verdict", ["internal_error", "cancelled"])
def test_a_fault_of_the_platform_is_no_failure_of_the_program(ran, verdict):
    found = answer(ran(verdict=verdict, message="Why."))
    assert (found["status"], found["message"], found["run_result"]) == ("SandboxError", "Why.", None)


def test_bytes_that_are_no_text_are_replaced(ran):
    assert answer(ran(b"a\xffb"))["run_result"]["stdout"] == "a\N{REPLACEMENT CHARACTER}b"


def test_what_may_pass_is_what_its_users_try_again():
    assert refusal(OverloadedError("full")) == (504, {"detail": "full"})
    assert refusal(UnauthenticatedError())[0] == 401


def test_our_fields_are_told_by_their_names():
    problem = FieldProblem(field="limits.wall_time_s", message="900 is more than the maximum 300", limit=300)
    status, body = refusal(InvalidRequestError("no", errors=[problem]))
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "run_timeout"])


def files_of(request: EvaluationRequest) -> list[File]:
    assert request.files is not None
    return request.files
