import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.checks import Catalogue, check_submission, path_problem, version_key
from cloche.api.settings import ApiSettings
from cloche.contracts.execution import ExecutorOffer, RuntimeOffer, TierOffer
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.words import USUAL_LANES
from cloche.kit.errors import InvalidRequestError

SETTINGS = ApiSettings.model_validate(
    {"dsn": "x", "redis_url": "x", "queue": "unix:/x", "queue_token": "x", "max_source_bytes": 100, "max_cases": 3}
)


def runtime(name: str, version: str) -> RuntimeOffer:
    return RuntimeOffer(name=name, version=version, aliases=["py"] if name == "python" else [], source_file="main.py")


OFFER = ExecutorOffer(
    name="one",
    engine="local",
    isolation="namespace",
    slots=2,
    busy=0,
    healthy=True,
    runtimes=[runtime("python", "3.9.2"), runtime("python", "3.11.7"), runtime("bash", "5.2")],
)
CATALOGUE = Catalogue((OFFER,))


def check(**fields: object):
    request = EvaluationRequest.model_validate({"runtime": "python", "source": "pass", **fields})
    return check_submission(request, CATALOGUE, USUAL_LANES, SETTINGS)


def refusal(**fields: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        check(**fields)
    return caught.value


def test_one_source_becomes_the_runtimes_main_file():
    program = check(source="print(1)")
    assert [file.path for file in program.files] == ["main.py"]
    assert program.entrypoint == "main.py"


def test_newest_version_is_found_by_number_not_by_text():
    found = CATALOGUE.find("python")
    assert found is not None
    assert found.version == "3.11.7"
    assert version_key("3.9") < version_key("3.11")


@pytest.mark.parametrize("wanted", ["python@3.1", "python@3.12", "java", "python@4"])
def test_runtime_that_nobody_offers_is_refused_and_names_what_there_is(wanted: str):
    error = refusal(runtime=wanted)
    assert error.errors is not None
    assert error.errors[0].field == "runtime"
    assert "python@3.11.7" in error.errors[0].message


@pytest.mark.parametrize("wanted", ["py", "python@3", "python@3.11", "python@3.11.7"])
def test_alias_and_leading_version_parts_are_accepted(wanted: str):
    assert check(runtime=wanted).runtime == wanted


def test_more_isolation_than_offered_is_refused():
    assert "there is: namespace" in refusal(isolation="gvisor").detail


def test_isolation_that_fails_its_self_test_just_now_is_accepted_and_waits():
    broken = TierOffer(isolation="namespace", healthy=False)
    offer = OFFER.model_copy(update={"isolation": "process", "tiers": [broken]})
    request = EvaluationRequest.model_validate({"runtime": "python", "source": "x", "isolation": "namespace"})
    assert check_submission(request, Catalogue((offer,)), USUAL_LANES, SETTINGS).isolation == "namespace"


@pytest.mark.parametrize(
    ("default", "fields", "isolation"),
    [
        ("namespace", {}, "namespace"),
        ("process", {}, "process"),
        ("process", {"isolation": "namespace"}, "namespace"),
        ("namespace", {"isolation": "process"}, "process"),
        ("process", {"network": "loopback"}, "namespace"),
    ],
)
def test_isolation_that_is_not_named_is_what_the_settings_allow(default: str, fields: dict[str, str], isolation: str):
    request = EvaluationRequest.model_validate({"runtime": "python", "source": "x", **fields})
    settings = SETTINGS.model_copy(update={"default_isolation": default})
    assert check_submission(request, CATALOGUE, USUAL_LANES, settings).isolation == isolation


def test_loopback_without_a_network_namespace_is_refused():
    assert "loopback needs isolation namespace" in refusal(network="loopback", isolation="process").detail
    assert check(network="loopback").network == "loopback"


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../b", "a//b", "./a", "a/.", "", "a\\b", "a\nb", "a\0b", "x/" * 16 + "y", "a" * 256],
)
def test_path_that_could_leave_the_work_directory_is_refused(path: str):
    assert path_problem(path)


@given(st.text(max_size=40))
def test_every_accepted_path_stays_below_the_work_directory(path: str):
    if path_problem(path) is None:
        parts = path.split("/")
        assert not path.startswith("/")
        assert "\0" not in path
        assert all(part not in {"", ".", ".."} for part in parts)


def test_duplicate_paths_are_refused():
    files = [{"path": "a", "content": ""}, {"path": "a", "content": ""}]
    assert "twice" in refusal(source=None, files=files).detail


def test_a_path_that_is_file_and_folder_is_refused():
    files = [{"path": "a", "content": ""}, {"path": "a/b", "content": ""}]
    assert "both a file and a folder" in refusal(source=None, files=files).detail


def test_oversized_source_is_refused_naming_the_limit():
    error = refusal(source="x" * 101)
    assert error.errors is not None
    assert error.errors[0].limit == 100


def test_too_many_files_are_refused():
    files = [{"path": f"f{n}", "content": ""} for n in range(101)]
    assert "at most 100 files" in refusal(source=None, files=files).detail


def test_too_many_cases_are_refused_naming_the_limit():
    error = refusal(cases=[{"stdin": ""}] * 4)
    assert error.errors is not None
    assert error.errors[0].limit == 3


@pytest.mark.parametrize(("name", "value"), [("wall_time_s", 301), ("memory_bytes", 2**40), ("processes", 5000)])
def test_limit_above_the_maximum_is_refused_by_name(name: str, value: int):
    error = refusal(limits={name: value})
    assert error.errors is not None
    assert error.errors[0].field == f"limits.{name}"


def test_not_base64_is_refused():
    files = [{"path": "a", "content": "!", "encoding": "base64"}]
    assert "base64" in refusal(source=None, files=files).detail


@pytest.mark.parametrize("env", [{"1A": "x"}, {"A B": "x"}, {"A": "x\0"}, {"A": "x" * 40000}])
def test_bad_environment_is_refused(env: dict[str, str]):
    refusal(env=env)


def test_nul_in_arguments_is_refused():
    refusal(args=["a\0b"])


def test_nul_in_a_cases_name_is_refused():
    assert "cases.1.name" in refusal(cases=[{}, {"name": "a\0"}]).detail


def test_all_findings_come_at_once():
    error = refusal(runtime="java", limits={"wall_time_s": 301}, env={"1": "x"})
    assert error.errors is not None
    assert {problem.field for problem in error.errors} >= {"runtime", "limits.wall_time_s", "env"}


def test_unknown_catalogue_accepts_the_runtime():
    request = EvaluationRequest.model_validate({"runtime": "java", "source": "x"})
    assert check_submission(request, Catalogue(None), USUAL_LANES, SETTINGS).runtime == "java"
