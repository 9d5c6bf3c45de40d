"""Runtimes' files: what they may say, how one extends another, how their placeholders are filled."""

from pathlib import Path

import pytest

from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.executor.added_runtimes import load_added
from cloche.executor.engines.engine import Toolchain
from cloche.executor.program import Prepared, prepare
from cloche.executor.runtimes import Runtime, RuntimeFileError, load_runtimes

OWN = load_runtimes()
FIRST_SET = ["bash", "c", "cpp", "go", "java", "javascript", "lua", "perl"]
FIRST_SET += ["php", "python", "ruby", "rust", "sql", "typescript"]


def own(name: str) -> Runtime:
    return next(runtime for runtime in OWN if runtime.name == name)


def prepared(name: str, *paths: str, runtime: Runtime | None = None, **limits: int) -> Prepared:
    files = [File(path=path, content="x") for path in paths]
    program = Program(
        runtime=name, files=files, entrypoint=paths[0], limits=Limits(**limits), compile_limits=CompileLimits()
    )
    image = own(name).image
    values = {"typescript": "/t/ts.js"} | (image.values if image else {})
    return prepare(program, runtime or own(name), Toolchain("/t/bin/tool", values=tuple(values.items())))


def test_whole_first_set_and_more_is_there_and_tests_itself() -> None:
    assert set(FIRST_SET) <= {runtime.name for runtime in OWN}
    assert len(OWN) >= 30
    for runtime in OWN:
        assert "glass" in runtime.self_test.expected or runtime.name == "bash"
        assert runtime.host.package


@pytest.mark.parametrize("name", [runtime.name for runtime in OWN])
def test_every_placeholder_of_a_command_line_is_known(name: str) -> None:
    for way in own(name).ways:
        ready = prepared(name, way.source_file, runtime=way)
        commands = [*ready.runs, *([ready.compile] if ready.compile else [])]
        words = [word for command in commands for word in (*command.argv, *(value for _, value in command.env))]
        unknown = [word for word in words if word.startswith("{") and word.endswith("}") and "\n" not in word]
        assert unknown == []


def test_virtual_machine_gets_three_quarters_of_the_memory() -> None:
    argv = prepared("java", "Main.java", memory_bytes=512 * MIB, stack_bytes=MIB).runs[0].argv
    assert {"-Xmx384m", "-Xss1024k"} <= set(argv)


def test_compiler_gets_its_own_limits_share() -> None:
    compiler = prepared("java", "Main.java").compile
    assert compiler is not None
    assert "-J-Xmx768m" in compiler.argv


def test_stack_is_never_smaller_than_what_a_virtual_machine_starts_with() -> None:
    assert "-Xss512k" in prepared("java", "Main.java", stack_bytes=64 * 1024).runs[0].argv


def test_main_class_comes_from_the_entrypoint() -> None:
    assert prepared("java", "app/Main.java", "app/Other.java").runs[0].argv[-1] == "app.Main"


def test_values_of_the_environment_are_filled() -> None:
    assert dict(prepared("go", "main.go").runs[0].env)["GOMEMLIMIT"] == "192MiB"


def written(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return directory


def test_added_runtime_has_all_of_its_base_but_names_and_image(tmp_path: Path) -> None:
    (added,), refused = load_added(written(tmp_path, mine='extends = "python"\nenv.A = "b"\n'), OWN)
    base = own("python")
    assert refused == {}
    assert (added.name, added.aliases, added.image) == ("mine", (), None)
    assert (added.run, added.host, added.self_test) == (base.run, base.host, base.self_test)
    assert added.env == base.env | {"A": "b"}


def test_added_runtime_changes_every_way_of_its_base(tmp_path: Path) -> None:
    (added,), _ = load_added(written(tmp_path, mine='extends = "typescript"\nenv.NODE_PATH = "/m"\n'), OWN)
    assert [way.env["NODE_PATH"] for way in added.ways] == ["/m", "/m"]
    assert {way.name for way in added.ways} == {"mine"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("mine", "extends = 3", "extends"),
        ("mine", 'extends = "bells"', "extends"),
        ("mine", 'title = "No base"', "extends"),
        ("mine", "not TOML", "mine.toml"),
        ("mine", 'extends = "python"\nunheard_of = 1', "unheard_of"),
        ("mine", 'extends = "python"\nrun = []', "run"),
        ("mine", 'extends = "python"\naliases = ["js"]', "taken"),
        ("js", 'extends = "python"', "taken"),
        ("Mine", 'extends = "python"', "not a name"),
    ],
)
def test_file_that_can_not_be_used_says_why_and_hinders_no_other(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    found, refused = load_added(written(tmp_path, **{name: text, "zither": 'extends = "lua"\n'}), OWN)
    assert [runtime.name for runtime in found] == ["zither"]
    assert reason in refused[name]


def test_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert load_added(tmp_path / "nowhere", OWN) == ([], {})


def test_file_of_cloches_own_that_is_wrong_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFileError, match=r"wrong\.toml"):
        load_runtimes(written(tmp_path, wrong='name = "wrong"\n'))
