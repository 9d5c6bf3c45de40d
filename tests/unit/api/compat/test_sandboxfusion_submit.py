"""SandboxFusion's ``/submit``: the program in a completion, the tests it brings, its own way to compare."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.compat.sandboxfusion_extraction import extracted
from cloche.api.compat.sandboxfusion_submit import Submit, as_problem, same_output, submit_answer
from cloche.contracts.evaluation import SpanView
from cloche.kit.errors import ClocheError, InvalidRequestError, MalformedRequestError, UnavailableError

TESTS = [{"input": {"stdin": "1"}, "output": {"stdout": "2"}}, {"input": {"stdin": "2"}, "output": {"stdout": "4"}}]


def body(**config: Any) -> Submit:
    given = {"dataset_type": "CommonOJDataset", "language": "python", "provided_data": {"test": TESTS}, **config}
    return Submit.model_validate({"dataset": "mine", "id": 7, "completion": "```python\nx\n```", "config": given})


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        ("plain", "plain"),
        ("```python\na\n```", "a"),
        ("text\n```\na\nb\n  ```\nmore", "a\nb"),
        ("```cpp\nc\n```\n```py\np\n```\n```python\nq\n```", "p"),
        ("```cpp\nc\n```\n```java\nj\n```", "c"),
        ("```python\nnever closed", "never closed"),
        ("```python\nprint('```')\n```", "print('```')"),
        ("```cpp\nc\n```\n```python\nnever closed", "c"),
        ("```python", "```python"),
        ("```\n```", "```"),
        ("```python\n\n```", ""),
        ("", ""),
    ],
)
def test_the_program_of_a_completion(completion, code):
    assert extracted(completion, "python") == code


@given(st.text(alphabet="`\n pytho", max_size=200))
def test_what_is_extracted_was_there(completion):
    assert extracted(completion, "python") in completion


def test_extraction_is_linear():
    assert extracted("```" * 300_000 + "\n" * 300_000, "python") is not None


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("a\nb\n", "a\nb"),
        (" a \n", "a"),
        ("YES", "yes"),
        ("0.3333333", "0.3333334"),
        ("1e3", "1000.0"),
        ("1000001", "1000000"),
        ("", "\n"),
    ],
)
def test_outputs_that_are_the_same_to_it(output, expected):
    assert same_output(output, expected)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("a\n\nb", "a\nb"),
        ("a  b", "a b"),
        ("1.1", "1.0"),
        ("nan", "1"),
        ("inf", "1"),
        ("x", "1"),
        ("", "a"),
        ("0", "1e-3"),
    ],
)
def test_outputs_that_differ_to_it(output, expected):
    assert not same_output(output, expected)


def test_tests_are_cases_whose_expected_outputs_stay_here(options):
    problem = as_problem(body(run_timeout=3), options)
    assert [(case.stdin, case.expected_stdout) for case in problem.request.cases] == [("1", None), ("2", None)]
    assert (problem.code, problem.request.limits.wall_time_s) == ("x", 3)


def test_times_by_default(options):
    assert as_problem(body(), options).request.limits.wall_time_s == 20
    assert as_problem(body(language="cpp"), options).request.limits.wall_time_s == 10


def test_tests_may_be_json_text(options):
    text = '[{"input": {"stdin": "1"}, "output": {"stdout": "2"}}]'
    assert len(as_problem(body(provided_data={"test": text}), options).tests) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dataset_type": None}, "no eval class found for dataset mine"),
        ({"provided_data": None}, "no eval class found for dataset mine"),
        ({"dataset_type": "HumanEvalDataset"}, "eval class HumanEvalDataset not found"),
        ({"provided_data": [1]}, "should be a dict"),
        ({"provided_data": {"test": "["}}, "provided_data.test"),
        ({"provided_data": {"test": []}}, "provided_data.test"),
        ({"provided_data": {"test": [{"input": {}, "output": {}}]}}, "provided_data.test"),
        ({"language": None}, "config.language field must exist"),
        ({"custom_extract_logic": "import os"}, "custom_extract_logic"),
    ],
)
def test_what_it_cannot_judge_is_refused(options, config, message):
    with pytest.raises(MalformedRequestError, match=message) as caught:
        as_problem(body(**config), options)
    assert caught.value.status == 400


def test_a_language_without_a_runtime_is_refused(options):
    with pytest.raises(InvalidRequestError):
        as_problem(body(language="lean"), options)


def span(offset: int, kept: int) -> SpanView:
    return SpanView(offset=offset, kept=kept, bytes=kept)


def test_each_test_is_compared_with_its_own_output(ran, case, options):
    cases = [case(0, stdout=span(0, 2)), case(1, stdout=span(2, 2))]
    found = submit_answer(ran(b"2\n4\n", cases=cases), body(), as_problem(body(), options))
    assert (found["id"], found["accepted"], found["extracted_code"]) == (7, True, "x")
    assert [test["passed"] for test in found["tests"]] == [True, True]
    assert found["tests"][1]["exec_info"]["run_result"]["stdout"] == "4\n"


def test_the_first_failure_is_the_last_test_shown_unless_all_are_asked_for(ran, case, options):
    cases = [case(0, stdout=span(0, 2)), case(1, stdout=span(2, 2))]
    stored = ran(b"3\n4\n", cases=cases)
    short = submit_answer(stored, body(), as_problem(body(), options))
    assert (short["accepted"], [test["passed"] for test in short["tests"]]) == (False, [False])
    asked = body(extra={"run_all_cases": True})
    long = submit_answer(stored, asked, as_problem(asked, options))
    assert (long["accepted"], [test["passed"] for test in long["tests"]]) == (False, [False, True])


def test_right_output_of_a_failing_run_is_no_pass(ran, case, options):
    cases = [case(0, stdout=span(0, 2), verdict="runtime_error", exit_code=1)]
    (test,) = submit_answer(ran(b"2\n", cases=cases, verdict="runtime_error"), body(), as_problem(body(), options))[
        "tests"
    ]
    assert (test["passed"], test["exec_info"]["status"]) == (False, "Failed")
    assert test["exec_info"]["run_result"]["return_code"] == 1


def test_what_does_not_compile_has_no_run(ran, case, compiled, options):
    stored = ran(verdict="compile_error", compile=compiled("what?", 1), cases=[case(0, verdict=None)])
    found = submit_answer(stored, body(), as_problem(body(), options))
    info = found["tests"][0]["exec_info"]
    assert (found["accepted"], info["run_result"], info["compile_result"]["return_code"]) == (False, None, 1)


@pytest.mark.parametrize("verdict", ["internal_error", "cancelled"])
def test_a_fault_of_the_platform_is_no_answer(ran, options, verdict):
    with pytest.raises(UnavailableError) as caught:
        submit_answer(ran(verdict=verdict, message="Why."), body(), as_problem(body(), options))
    assert isinstance(caught.value, ClocheError)
