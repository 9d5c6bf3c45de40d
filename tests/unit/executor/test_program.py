"""Programs made ready for a cell."""

import pytest

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, File, Program
from cloche.executor.engines.engine import Toolchain
from cloche.executor.program import prepare
from cloche.executor.runtimes import RuntimeFileError, filled, load_runtimes
from cloche.kit.errors import InvalidRequestError

RUNTIMES = {runtime.name: runtime for runtime in load_runtimes()}
TOOL = Toolchain(tool="/opt/tool/bin/tool")


def program(*paths: str, runtime: str = "c", **changed: object) -> Program:
    files = [File(path=path, content="x") for path in paths]
    values = {"limits": Limits(), "compile_limits": CompileLimits(), "files": files, "entrypoint": paths[0]} | changed
    return Program.model_validate({"runtime": runtime, **values})


def test_every_file_of_the_entrypoints_kind_is_compiled() -> None:
    ready = prepare(program("main.c", "more.c", "more.h"), RUNTIMES["c"], TOOL)
    assert ready.compile is not None
    argv = ready.compile.argv
    assert argv[argv.index("main.c") :][:2] == ("main.c", "more.c")
    assert "more.h" not in argv


def test_binary_never_overwrites_a_file_of_the_program() -> None:
    ready = prepare(program("main.c", "a.out"), RUNTIMES["c"], TOOL)
    assert ready.runs[0].argv == ("./_a.out",)


def test_entrypoint_is_never_taken_for_an_option() -> None:
    ready = prepare(program("-c", runtime="python"), RUNTIMES["python"], TOOL)
    assert ready.runs[0].argv[-1] == "./-c"


def test_each_case_has_its_own_stdin_and_arguments() -> None:
    cases = [Case(stdin="1", args=["a"]), Case(stdin="2")]
    ready = prepare(program("m.py", runtime="python", cases=cases, args=["z"]), RUNTIMES["python"], TOOL)
    assert [(run.stdin, run.argv[-1]) for run in ready.runs] == [(b"1", "a"), (b"2", "z")]


def test_programs_own_environment_wins() -> None:
    ready = prepare(program("m.py", runtime="python", env={"HOME": "/x", "A": "b"}), RUNTIMES["python"], TOOL)
    env = dict(ready.runs[0].env)
    assert (env["HOME"], env["A"]) == ("/x", "b")
    assert env["PATH"].startswith("/opt/tool/bin:")


def test_placeholders_in_values_are_not_filled_again() -> None:
    assert filled(("{entrypoint}", "x{tool}"), {"entrypoint": "{tool}", "tool": "t"}) == ("{tool}", "xt")


@pytest.mark.parametrize("changed", [{"args": ["a\0"]}, {"env": {"A": "\0"}}, {"cases": [Case(args=["\0"])]}])
def test_nul_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        prepare(program("m.py", runtime="python", **changed), RUNTIMES["python"], TOOL)


def test_runtimes_have_names_of_their_own() -> None:
    names = [name for runtime in RUNTIMES.values() for name in (runtime.name, *runtime.aliases)]
    assert len(names) == len(set(names))
    assert set(RUNTIMES) >= {"bash", "c", "cpp", "javascript", "python"}


def test_unknown_runtime_is_refused_at_start() -> None:
    with pytest.raises(RuntimeFileError, match="klingon"):
        load_runtimes(only=("python", "klingon"))
