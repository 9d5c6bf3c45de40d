"""Judge0's words into ours and back, trap by trap."""

import base64
import contextlib
import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.compat.judge0_answer import (
    ALL_FIELDS,
    DEFAULT_FIELDS,
    NotTextError,
    answer,
    chosen_fields,
    mime_base64,
)
from cloche.api.compat.judge0_archive import ArchiveError, packed, unpacked
from cloche.api.compat.judge0_config import Most, config_info, statuses
from cloche.api.compat.judge0_errors import as_errors
from cloche.api.compat.judge0_languages import ALL_LANGUAGES, CE, EXTRA_CE, listed, versions_of
from cloche.api.compat.judge0_request import as_request
from cloche.api.compat.lenient import lenient_base64
from cloche.contracts.evaluation import SpanView, SubmittedProgram
from cloche.contracts.limits import KIB, MIB
from cloche.contracts.submission import EvaluationRequest, File
from cloche.kit.errors import InvalidRequestError, NotFoundError

LABELS = {"door": "judge0", "judge0.language_id": "71", "judge0.cpu_extra_time": "1"}


@pytest.fixture
def translated(offers, options):
    def make(*, flavour=CE, encoded=False, **fields) -> EvaluationRequest:
        given = {"source_code": "1", "language_id": 71, **fields}
        return as_request(given, flavour, versions_of(offers), Most.of(options), encoded=encoded)

    return make


@pytest.fixture
def refused(translated):
    def make(**fields) -> dict[str, list[str]]:
        with pytest.raises(InvalidRequestError) as caught:
            translated(**fields)
        return as_errors(caught.value.errors or [])

    return make


def test_its_defaults(translated):
    request = translated()
    assert (request.limits.cpu_time_s, request.limits.wall_time_s) == (5, 10)
    assert (request.limits.memory_bytes, request.limits.stack_bytes) == (128_000 * KIB, 64_000 * KIB)
    assert (request.limits.processes, request.limits.file_bytes) == (60, 1024 * KIB)
    assert request.limits.output_bytes == request.limits.file_bytes, "there, stdout is a file"
    assert (request.entrypoint, request.cases, request.labels) == ("script.py", [], LABELS)


@pytest.mark.parametrize("number", [71, "71", 71.0, "92", 113])
def test_each_number_of_a_language_means_its_runtime(translated, number):
    assert translated(language_id=number).runtime == "python@3.11.7"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"source_code": None}, {"source_code": ["can't be blank"]}),
        ({"source_code": ""}, {"source_code": ["can't be blank"]}),
        ({"language_id": None}, {"language_id": ["can't be blank"]}),
        ({"language_id": 9999}, {"language_id": ["language with id 9999 doesn't exist"]}),
        ({"language_id": 72}, {"language_id": ["language with id 72 doesn't exist"]}),
        ({"language_id": 34}, {"language_id": ["language with id 34 is archived and cannot be used anymore"]}),
        ({"wall_time_limit": 0.5}, {"wall_time_limit": ["must be greater than or equal to 1"]}),
        ({"wall_time_limit": 301}, {"wall_time_limit": ["must be less than or equal to 300"]}),
        ({"memory_limit": 2047}, {"memory_limit": ["must be greater than or equal to 2048"]}),
        ({"cpu_time_limit": "soon"}, {"cpu_time_limit": ["is not a number"]}),
        ({"cpu_time_limit": True}, {"cpu_time_limit": ["is not a number"]}),
        ({"number_of_runs": 21}, {"number_of_runs": ["must be less than or equal to 20"]}),
        ({"compiler_options": "-O2"}, {"compiler_options": ["setting compiler options is not allowed"]}),
        ({"callback_url": "http://x"}, {"callback_url": ["setting callback is not allowed"]}),
        ({"enable_network": True}, {"enable_network": ["enabling network is not allowed"]}),
        ({"enable_network": "true"}, {"enable_network": ["enabling network is not allowed"]}),
        (
            {"enable_per_process_and_thread_time_limit": True},
            {"enable_per_process_and_thread_time_limit": ["this option cannot be enabled"]},
        ),
        (
            {"command_line_arguments": "x" * 513},
            {"command_line_arguments": ["is too long (maximum is 512 characters)"]},
        ),
        (
            {"redirect_stderr_to_stdout": True, "expected_output": "1"},
            {"redirect_stderr_to_stdout": ["can't be set together with expected_output here"]},
        ),
        ({"additional_files": "AAAA"}, {"additional_files": ["is not a zip archive that can be read"]}),
    ],
)
def test_what_is_wrong_is_told_by_field(refused, fields, errors):
    assert refused(**fields) == errors


def test_all_that_is_wrong_is_told_at_once(refused):
    assert set(refused(source_code=None, language_id=1, memory_limit=0)) == {
        "source_code",
        "language_id",
        "memory_limit",
    }


@pytest.mark.parametrize("off", [False, None, "false", "0", 0, ""])
def test_flags_that_are_off_are_allowed(translated, off):
    assert translated(enable_network=off, redirect_stderr_to_stdout=off).runtime == "python@3.11.7"


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_is_not_given(translated, blank):
    assert translated(compiler_options=blank, callback_url=blank, additional_files=blank).runtime == "python@3.11.7"


def test_numbers_may_be_text_and_memory_a_float(translated):
    limits = translated(cpu_time_limit="2.5", memory_limit=100000.0).limits
    assert (limits.cpu_time_s, limits.memory_bytes) == (2.5, 100_000 * KIB)


def test_limits_smaller_than_ours_become_our_least(translated):
    limits = translated(cpu_time_limit=0, memory_limit=2048, stack_limit=0, max_file_size=0).limits
    assert (limits.cpu_time_s, limits.memory_bytes, limits.stack_bytes) == (0.001, 4 * MIB, 64 * KIB)
    assert limits.output_bytes == 0


def test_expected_output_is_a_case_that_ignores_space_at_line_ends(translated):
    request = translated(stdin="2", expected_output="4\n")
    (case,) = request.cases
    assert (case.stdin, case.expected_stdout, case.compare) == ("2", "4\n", "trimmed")
    assert translated(expected_output="").cases[0].expected_stdout == ""


def test_runs_are_cases(translated):
    request = translated(number_of_runs=3, stdin="2")
    assert [(case.stdin, case.expected_stdout) for case in request.cases] == [("2", None)] * 3


def test_base64_is_read_with_its_line_breaks(translated):
    text = "print('ü')\n" * 20
    request = translated(encoded=True, source_code=mime_base64(text.encode()), stdin="Mg==", expected_output="Mg")
    assert files_of(request)[0].content == text
    assert (request.stdin, request.cases[0].expected_stdout) == ("2", "2")


def test_source_that_is_no_text_is_kept_as_bytes(translated):
    file = files_of(translated(encoded=True, source_code="/w=="))[0]
    assert (file.content, file.encoding) == ("/w==", "base64")


def test_stdin_that_is_no_text_is_refused(refused):
    assert refused(encoded=True, source_code="MQ==", stdin="/w==") == {"stdin": ["must be UTF-8 here"]}


def test_arguments_are_words_as_a_shell_has_them_without_its_signs(translated, refused):
    assert translated(command_line_arguments="a 'b c' $HOME;rm `x`").args == ["a", "b c", "HOMErm", "x"]
    assert "command_line_arguments" in refused(command_line_arguments="it's")


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0 if mode is None else mode << 16
            archive.writestr(info, data, method)
    return target.getvalue()


def test_files_of_an_archive_come_beside_the_program_and_not_in_its_place(translated):
    archive = base64.b64encode(zipped(("a/", b""), ("a/b.bin", b"\0"), ("script.py", b"other"))).decode()
    files = files_of(translated(additional_files=archive))
    assert [(file.path, file.content) for file in files] == [("script.py", "1"), ("a/b.bin", "AA==")]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\b", "."])
def test_an_archive_stays_in_its_folder(name):
    with pytest.raises(ArchiveError, match="path"):
        unpacked(zipped((name, b"")), most_files=9, most_bytes=9)


def test_a_bomb_is_refused_before_it_is_read_whole():
    bomb = zipped(("zeros", b"\0" * (64 * MIB)))
    assert len(bomb) < 100_000
    with pytest.raises(ArchiveError, match="larger"):
        unpacked(bomb, most_files=9, most_bytes=1 * MIB)


def test_the_sum_of_an_archives_files_is_bounded_and_their_number():
    with pytest.raises(ArchiveError, match="larger"):
        unpacked(zipped(("a", b"12345"), ("b", b"12345")), most_files=9, most_bytes=9)
    with pytest.raises(ArchiveError, match="more than 1 files"):
        unpacked(zipped(("a", b""), ("b", b"")), most_files=1, most_bytes=9)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_an_archive_holds_plain_files_alone(kind):
    with pytest.raises(ArchiveError, match="plain file"):
        unpacked(zipped(("a", b"/etc/passwd"), mode=kind | 0o777), most_files=9, most_bytes=99)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_read_in_pieces_are_refused(method):
    with pytest.raises(ArchiveError, match="deflate"):
        unpacked(zipped(("a", b"x" * 1000), method=method), most_files=9, most_bytes=9999)


@given(st.binary(max_size=300))
def test_no_archive_is_a_defect(data):
    with contextlib.suppress(ArchiveError):
        unpacked(b"PK\x03\x04" + data, most_files=9, most_bytes=99)


@given(st.lists(st.tuples(st.sampled_from(range(8)), st.binary(min_size=1, max_size=4)), max_size=8))
def test_no_damaged_archive_is_a_defect(damages):
    data = bytearray(zipped(("a/b", b"hello " * 20), ("c", b"x")))
    for place, new in damages:
        at = place * len(data) // 8
        data[at : at + len(new)] = new
    with contextlib.suppress(ArchiveError):
        unpacked(bytes(data), most_files=9, most_bytes=999)


def test_languages_are_listed_where_they_can_be_run(offers):
    names = {item["id"]: item["name"] for item in listed(CE, versions_of(offers))}
    assert names[71] == names[113] == "Python (3.11.7)", "the newest there is"
    assert names[50] == "C (GCC 12.2.0)"
    assert 72 not in names, "no ruby here"
    assert [item["id"] for item in listed(EXTRA_CE, versions_of(offers))] == [10, 33]


def test_no_number_means_two_languages():
    assert len(ALL_LANGUAGES) == len(CE.languages) + len(EXTRA_CE.languages)
    assert not set(CE.languages) & CE.archived


def program(request: EvaluationRequest) -> SubmittedProgram:
    fields = {name: getattr(request, name) for name in SubmittedProgram.model_fields if name != "isolation"}
    return SubmittedProgram(**fields, isolation="namespace")


def shown(ran, fields=ALL_FIELDS, *, encoded=False, **given):
    return answer(ran(**{"labels": LABELS, **given}), fields, encoded=encoded)


def test_success_has_text_times_and_whole_kilobytes(ran, translated):
    found = shown(ran, stdout=b"hi\n", program=program(translated(stdin="x", command_line_arguments="a 'b c'")))
    assert set(found) == set(ALL_FIELDS), "its client takes no other field"
    assert (found["time"], found["wall_time"], found["memory"]) == ("0.012", "0.06", 3240)
    assert (found["cpu_time_limit"], found["wall_time_limit"], found["cpu_extra_time"]) == ("5.0", "10.0", "1.0")
    assert (found["stdout"], found["stderr"], found["compile_output"], found["message"]) == ("hi\n", None, None, None)
    assert (found["exit_code"], found["exit_signal"]) == (0, None)
    assert (found["status"], found["status_id"]) == ({"id": 3, "description": "Accepted"}, 3)
    assert (found["created_at"], found["finished_at"]) == ("2026-11-29T13:52:22.100Z", "2026-11-29T13:52:22.245Z")
    assert (found["language"], found["language_id"]) == ({"id": 71, "name": "Python (3.11.7)"}, 71)
    assert (found["source_code"], found["stdin"], found["expected_output"]) == ("1", "x", None)
    assert found["command_line_arguments"] == "a 'b c'"
    assert (found["number_of_runs"], found["additional_files"]) == (1, None)
    assert found["memory_limit"] == 128_000


@pytest.mark.parametrize(
    ("given", "status", "signal", "message"),
    [
        ({"exit_code": 3}, 11, None, "Exited with error status 3"),
        ({"exit_code": None, "signal": 11}, 7, 11, "Caught fatal signal 11"),
        ({"exit_code": None, "signal": 25}, 8, 25, "Caught fatal signal 25"),
        ({"exit_code": None, "signal": 8}, 9, 8, "Caught fatal signal 8"),
        ({"exit_code": None, "signal": 6}, 10, 6, "Caught fatal signal 6"),
        ({"exit_code": None, "signal": 15}, 12, 15, "Caught fatal signal 15"),
        ({"exit_code": None}, 11, None, "Exited with error status 127"),
        ({"limit": "memory_bytes", "exit_code": 0}, 12, 9, "Caught fatal signal 9"),
        ({"limit": "output_bytes", "exit_code": None, "signal": 9}, 8, 25, "Caught fatal signal 25"),
        ({"limit": "cpu_time_s", "exit_code": None, "signal": 9}, 5, None, "Time limit exceeded"),
        ({"limit": "wall_time_s", "exit_code": None, "signal": 9}, 5, None, "Time limit exceeded (wall clock)"),
    ],
)
def test_each_ending_has_its_status(ran, given, status, signal, message):
    found = shown(ran, verdict="runtime_error", stdout=b"part", **given)
    assert (found["status_id"], found["exit_signal"], found["message"]) == (status, signal, message)
    assert found["stdout"] == "part"


def test_a_wrong_answer_and_a_failing_exit_that_comes_before_it(ran, case):
    assert shown(ran, verdict="wrong_answer", cases=[case(0, verdict="wrong_answer")])["status_id"] == 4
    assert shown(ran, verdict="runtime_error", cases=[case(0, verdict="runtime_error", exit_code=1)])["status_id"] == 11


def test_a_compile_error_has_the_compilers_words_and_no_measures(ran, compiled):
    found = shown(ran, verdict="compile_error", exit_code=1, compile=compiled("what?", 1))
    assert (found["status_id"], found["compile_output"]) == (6, "what?")
    nothing = ("time", "wall_time", "memory", "stdout", "stderr", "exit_code", "exit_signal", "message")
    assert [found[name] for name in nothing] == [None] * len(nothing)
    late = shown(ran, verdict="compile_error", limit="wall_time_s", compile=compiled("", None, 9))
    assert late["compile_output"] == "Compilation time limit exceeded."


@pytest.mark.parametrize(("status", "number"), [("queued", 1), ("running", 2)])
def test_before_its_end_there_is_a_status_alone(ran, status, number):
    found = shown(ran, status=status, verdict=None, exit_code=None, stdout=b"so far")
    assert found["status"]["id"] == number
    assert [found[name] for name in ("stdout", "time", "memory", "exit_code")] == [None] * 4


@pytest.mark.parametrize("verdict", ["internal_error", "cancelled"])
def test_a_fault_of_the_platform_is_an_internal_error(ran, verdict):
    found = shown(ran, verdict=verdict, message="Why.")
    assert (found["status_id"], found["message"]) == (13, "Why.")


def test_runs_are_averaged_up_to_the_first_that_failed_whose_output_is_shown(ran, case):
    cases = [
        case(0, cpu_time_ms=10.0, peak_memory_bytes=1024, stdout=SpanView(offset=0, kept=1, bytes=1)),
        case(
            1,
            cpu_time_ms=30.0,
            peak_memory_bytes=3072,
            stdout=SpanView(offset=1, kept=2, bytes=2),
            verdict="runtime_error",
            exit_code=1,
        ),
        case(2, cpu_time_ms=500.0, stdout=SpanView(offset=3, kept=1, bytes=1)),
    ]
    found = shown(ran, stdout=b"abbc", cases=cases, verdict="runtime_error")
    assert (found["time"], found["memory"], found["stdout"], found["status_id"]) == ("0.02", 2, "bb", 11)


def test_redirected_stderr_stands_behind_stdout(ran):
    found = shown(ran, stdout=b"out", stderr=b"err", labels={**LABELS, "judge0.redirect_stderr_to_stdout": "true"})
    assert (found["stdout"], found["stderr"], found["redirect_stderr_to_stdout"]) == ("outerr", None, True)


def test_base64_of_answers_breaks_after_sixty_characters(ran):
    found = shown(ran, encoded=True, stdout=b"x" * 100, verdict="runtime_error", exit_code=1)
    lines = found["stdout"].split("\n")
    assert [len(line) for line in lines] == [60, 60, 16, 0]
    assert base64.b64decode(found["stdout"]) == b"x" * 100
    assert base64.b64decode(found["message"]) == b"Exited with error status 1"
    assert found["stderr"] is None, "never base64 of nothing"


def test_output_that_is_no_text_needs_base64(ran):
    assert shown(ran, encoded=True, stdout=b"\xff")["stdout"] == "/w==\n"
    with pytest.raises(NotTextError):
        shown(ran, stdout=b"\xff")
    assert shown(ran, ["status"], stdout=b"\xff") == {"status": {"id": 3, "description": "Accepted"}}


@given(st.binary(max_size=300))
def test_base64_arrives_as_it_was(data):
    assert lenient_base64(mime_base64(data)) == data


def test_additional_files_come_back_as_a_zip(ran, translated):
    sent = base64.b64encode(zipped(("a/b", b"\0\xff"))).decode()
    found = shown(ran, program=program(translated(additional_files=sent)))
    files = unpacked(base64.b64decode(found["additional_files"]), most_files=9, most_bytes=9)
    assert [(file.path, file.content) for file in files] == [("a/b", "AP8=")]
    assert packed(files) == packed(files)


def test_what_was_not_submitted_here_is_not_there(ran):
    with pytest.raises(NotFoundError):
        answer(ran(), DEFAULT_FIELDS, encoded=True)


def test_a_program_that_is_not_stored_any_more_is_null(ran):
    found = shown(ran, stdout=b"x")
    assert [found[name] for name in ("source_code", "stdin", "memory_limit", "number_of_runs")] == [None] * 4
    assert found["stdout"] == "x"


@pytest.mark.parametrize(
    ("text", "fields", "unknown"),
    [
        (None, DEFAULT_FIELDS, []),
        ("", DEFAULT_FIELDS, []),
        ("stdout,time", ("stdout", "time"), []),
        ("*", ALL_FIELDS, []),
        ("stdout,*", ALL_FIELDS, []),
        ("stdout,x,y", None, ["x", "y"]),
    ],
)
def test_fields_are_chosen_by_name(text, fields, unknown):
    found, wrong = chosen_fields(text)
    assert wrong == unknown
    assert fields is None or found == list(fields)


def test_configuration_has_every_key_that_its_client_wants(options):
    from judge0.base_types import Config

    wanted = {name for name, field in Config.model_fields.items() if field.is_required()}
    assert wanted <= set(config_info(Most.of(options)))


def test_there_are_fourteen_statuses():
    assert [status["id"] for status in statuses()] == list(range(1, 15))


def files_of(request: EvaluationRequest) -> list[File]:
    assert request.files is not None
    return request.files
