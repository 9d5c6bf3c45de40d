"""Piston's words into ours and back, trap by trap."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.compat.lenient import lenient_base64
from cloche.api.compat.options import DoorOptions
from cloche.api.compat.piston import as_execution
from cloche.api.compat.piston_answer import answer
from cloche.api.compat.piston_languages import PistonRuntime, choose, runtimes_of
from cloche.contracts.limits import GIB, MAXIMA, MIB
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import InvalidRequestError

FILES = [{"content": "1"}]


@pytest.fixture
def known(offers) -> list[PistonRuntime]:
    return runtimes_of(offers)


@pytest.fixture
def translated(known, options):
    def make(**body) -> EvaluationRequest:
        return as_execution({"language": "python", "version": "*", "files": FILES, **body}, known, options).request

    return make


def test_runtimes_have_their_names_there_and_three_numbers(known):
    listed = [runtime.listed() for runtime in known]
    assert [(item["language"], item["version"]) for item in listed] == [
        ("c", "12.2.0"),
        ("c++", "12.2.0"),
        ("javascript", "20.20.2"),
        ("lua", "5.4.0"),
        ("python", "3.11.7"),
        ("python", "3.9.2"),
    ]
    assert all(set(item) == {"language", "version", "aliases"} for item in listed), "runtime is absent, not null"
    assert "cpp" in listed[1]["aliases"]
    assert "c++" not in listed[1]["aliases"]


@pytest.mark.parametrize(
    ("language", "selector", "version"),
    [
        ("python", "*", (3, 11, 7)),
        ("py3", "3.9.x", (3, 9, 2)),
        ("python", "<3.11", (3, 9, 2)),
        ("cpp", "12", (12, 2, 0)),
    ],
)
def test_the_newest_that_the_selector_allows_is_chosen(known, language, selector, version):
    found = choose(known, language, selector)
    assert found is not None
    assert found.version == version


def test_exactly_the_chosen_version_runs(translated):
    assert translated(version="3.9").runtime == "python@3.9.2"
    assert translated(language="lua", version="5.4.0").runtime == "lua@5.4"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "language is required as a string"),
        (None, "language is required as a string"),
        ({"language": 1}, "language is required as a string"),
        ({"language": "python"}, "version is required as a string"),
        ({"language": "python", "version": "*"}, "files is required as an array"),
        ({"language": "python", "version": "*", "files": "x"}, "files is required as an array"),
        ({"language": "x", "version": "*", "files": [{}]}, "files[0].content is required as a string"),
        ({"language": "x", "version": "*", "files": [FILES[0], 1]}, "files[1].content is required as a string"),
        ({"language": "x", "version": "1", "files": FILES}, "x-1 runtime is unknown"),
        ({"language": "python", "version": "4", "files": FILES}, "python-4 runtime is unknown"),
        ({"language": "python", "version": "*", "files": []}, "files must include at least one utf8 encoded file"),
        (
            {"language": "python", "version": "*", "files": [{"content": "", "encoding": "hex"}]},
            "files must include at least one utf8 encoded file",
        ),
        (
            {"language": "python", "version": "*", "files": FILES, "run_timeout": "9", "compile_timeout": []},
            "If specified, compile_timeout must be a number",
        ),
        (
            {"language": "python", "version": "*", "files": FILES, "run_timeout": True},
            "If specified, run_timeout must be a number",
        ),
        (
            {"language": "python", "version": "*", "files": FILES, "run_timeout": 300_001},
            "run_timeout cannot exceed the configured limit of 300000",
        ),
        (
            {"language": "python", "version": "*", "files": FILES, "run_cpu_time": -1},
            "run_cpu_time must be non-negative",
        ),
    ],
)
def test_what_is_wrong_is_told_in_its_order_and_words(known, options, body, message):
    with pytest.raises(InvalidRequestError) as caught:
        as_execution(body, known, options)
    assert caught.value.detail == message


def test_its_defaults(translated):
    request = translated()
    assert (request.limits.wall_time_s, request.limits.cpu_time_s) == (3, 3)
    assert (request.compile_limits.wall_time_s, request.compile_limits.cpu_time_s) == (10, 10)
    assert (request.limits.processes, request.limits.open_files, request.limits.file_bytes) == (64, 2048, 10_000_000)


@pytest.mark.parametrize("nothing", [0, None])
def test_zero_and_null_are_the_default(translated, nothing):
    request = translated(run_timeout=nothing, compile_timeout=nothing, run_memory_limit=nothing, run_cpu_time=nothing)
    assert (request.limits.wall_time_s, request.compile_limits.wall_time_s) == (3, 10)
    assert request.limits.memory_bytes == GIB


def test_minus_one_is_as_much_memory_as_the_door_gives(translated):
    request = translated(run_memory_limit=-1, compile_memory_limit=-1)
    assert request.limits.memory_bytes == GIB
    assert translated(run_memory_limit=64 * MIB).limits.memory_bytes == 64 * MIB
    assert translated(run_memory_limit=1).limits.memory_bytes == 4 * MIB, "the least there is"
    with pytest.raises(InvalidRequestError, match="run_memory_limit cannot exceed"):
        translated(run_memory_limit=MAXIMA.memory_bytes + 1)


@pytest.mark.parametrize(("given", "sent"), [("", "\n"), (None, "\n"), ("a", "a\n"), ("a\n", "a\n")])
def test_stdin_ends_with_a_newline(translated, given, sent):
    assert translated(stdin=given).stdin == sent


def test_the_first_text_file_is_the_program(translated):
    files = [
        {"name": "data.bin", "content": "AAE=", "encoding": "base64"},
        {"name": "my.py", "content": "import helper"},
        {"name": "helper.py", "content": "", "encoding": "utf8"},
    ]
    request = translated(files=files)
    assert request.entrypoint == "my.py"
    assert [(file.path, file.encoding) for file in files_of(request)] == [
        ("data.bin", "base64"),
        ("my.py", "utf-8"),
        ("helper.py", "utf-8"),
    ]


@pytest.mark.parametrize("name", [None, "", "program", "code.txt"])
def test_a_compilers_source_has_the_compilers_suffix(translated, name):
    assert translated(language="c", files=[{"name": name, "content": ""}]).entrypoint == "main.c"
    assert translated(language="c", files=[{"name": "mine.c", "content": ""}]).entrypoint == "mine.c"


def test_files_without_a_name_get_one(translated):
    request = translated(files=[{"content": "1"}, {"name": None, "content": "2"}])
    assert [file.path for file in files_of(request)] == ["main.py", "file1.code"]


def test_an_unknown_encoding_is_utf8_but_does_not_count_as_it(translated):
    request = translated(files=[{"name": "a", "content": "x", "encoding": "latin1"}, {"content": "1"}])
    assert (request.entrypoint, files_of(request)[0].encoding) == ("a", "utf-8")
    with pytest.raises(InvalidRequestError, match="at least one utf8"):
        translated(files=[{"content": "x", "encoding": "latin1"}])


@pytest.mark.parametrize(
    ("encoding", "content", "data"),
    [
        ("hex", "00ff", b"\0\xff"),
        ("hex", "00f", b"\0"),
        ("hex", "zz", b""),
        ("base64", "AP8", b"\0\xff"),
        ("base64", "A\nP8=", b"\0\xff"),
        ("base64", "_-8", b"\xff\xef"),
        ("base64", "!", b""),
    ],
)
def test_data_is_read_as_node_reads_it(translated, encoding, content, data):
    file = files_of(translated(files=[*FILES, {"name": "d", "content": content, "encoding": encoding}]))[1]
    assert base64.b64decode(file.content) == data


@given(st.binary(max_size=100))
def test_base64_arrives_as_it_was(data):
    assert lenient_base64(base64.encodebytes(data).decode()) == data
    assert lenient_base64(base64.urlsafe_b64encode(data).decode().rstrip("=")) == data


@pytest.mark.parametrize("wrong", [{"args": "x"}, {"args": [1]}, {"stdin": 1}, {"files": [{"content": "", "name": 1}]}])
def test_types_that_would_break_it_are_refused(translated, wrong):
    with pytest.raises(InvalidRequestError):
        translated(**wrong)


def test_args_and_the_language_reach_the_program(translated):
    request = translated(args=["a b", ""], language="py")
    assert request.args == ["a b", ""]
    assert request.env == {"PISTON_LANGUAGE": "python"}


def test_success(ran, known):
    found = answer(ran(b"out", b"err"), runtime_of(known, "python"))
    assert found == {
        "run": {
            "stdout": "out",
            "stderr": "err",
            "output": "outerr",
            "code": 0,
            "signal": None,
            "message": None,
            "status": None,
            "cpu_time": 12.0,
            "wall_time": 60.0,
            "memory": 3_317_760,
        },
        "language": "python",
        "version": "3.11.7",
    }, "no key compile for what is not compiled"


@pytest.mark.parametrize(
    ("given", "code", "signal", "status", "message"),
    [
        ({"exit_code": 3}, 3, None, "RE", "Exited with error status 3"),
        ({"exit_code": None, "signal": 11}, None, "SIGSEGV", "SG", "Caught fatal signal 11"),
        ({"limit": "wall_time_s", "exit_code": None, "signal": 9}, None, "SIGKILL", "TO", "Time limit exceeded"),
        ({"limit": "cpu_time_s", "exit_code": None, "signal": 24}, None, "SIGKILL", "TO", "Time limit exceeded"),
        ({"limit": "memory_bytes", "exit_code": 0}, None, "SIGKILL", "SG", "Caught fatal signal 9"),
        ({"limit": "output_bytes", "cut": "stdout"}, None, "SIGKILL", "OL", "stdout length exceeded"),
        ({"limit": "output_bytes", "cut": "stderr"}, None, "SIGKILL", "EL", "stderr length exceeded"),
        ({"exit_code": None}, 127, None, "RE", "Exited with error status 127"),
    ],
)
def test_each_ending_has_its_letters(ran, known, given, code, signal, status, message):
    stage = answer(ran(verdict="runtime_error", **given), known[0])["run"]
    assert (stage["code"], stage["signal"], stage["status"], stage["message"]) == (code, signal, status, message)


def test_where_compiling_failed_run_is_the_same_stage(ran, compiled, known):
    found = answer(ran(verdict="compile_error", compile=compiled("what?", 1)), known[0])
    assert found["run"] is found["compile"]
    assert (found["run"]["code"], found["run"]["stderr"], found["run"]["status"]) == (1, "what?", "RE")


def test_a_compiled_program_has_both_stages(ran, compiled, known):
    found = answer(ran(b"x", compile=compiled("warning")), known[0])
    assert (found["compile"]["code"], found["compile"]["wall_time"]) == (0, 250.0)
    assert found["run"]["stdout"] == "x"


def test_options_may_allow_less_than_it_would(known):
    small = DoorOptions(
        maxima=MAXIMA.model_copy(update={"open_files": 64, "file_bytes": 1000}),
        memory_bytes=64 * MIB,
        origins=frozenset(),
        most_source_bytes=1,
        most_files=1,
    )
    limits = as_execution({"language": "python", "version": "*", "files": FILES}, known, small).request.limits
    assert (limits.open_files, limits.file_bytes, limits.memory_bytes) == (64, 1000, 64 * MIB)


def files_of(request: EvaluationRequest) -> list[File]:
    assert request.files is not None
    return request.files


def runtime_of(known: list[PistonRuntime], language: str) -> PistonRuntime:
    found = choose(known, language, "*")
    assert found is not None
    return found
