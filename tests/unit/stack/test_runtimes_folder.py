"""Adding runtimes with packages of one's own: what is written, and what is refused."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cloche.executor.added_runtimes import load_one
from cloche.executor.runtimes import load_runtimes
from cloche.stack.runtimes_folder import add_node_modules, add_venv, remove
from cloche.stack.spawn import StackError

OWN = load_runtimes()


@pytest.fixture
def place() -> Iterator[Path]:
    """Not below /tmp: cells have one of their own."""
    with TemporaryDirectory(dir="/var/tmp") as made:
        yield Path(made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runtimes"


def venv(place: Path, *, config: str = "include-system-site-packages = false\n", tool: str = sys.executable) -> Path:
    (place / "bin").mkdir()
    (place / "bin" / "python").symlink_to(tool)
    (place / "pyvenv.cfg").write_text(config, encoding="utf-8")
    return place


def modules(place: Path) -> Path:
    (place / "node_modules" / "bell").mkdir(parents=True)
    return place


def test_venv_is_run_by_its_own_interpreter_and_seen_at_its_place(folder: Path, place: Path) -> None:
    host = load_one(add_venv(folder, "bells", venv(place)), OWN).host
    assert (host.commands, host.tool) == ((f"{place}/bin/python",), f"{place}/bin/python")
    assert host.readonly == (str(place),)
    assert host.hidden


def test_venv_that_wants_the_interpreters_own_packages_gets_them(folder: Path, place: Path) -> None:
    made = venv(place, config="home = /usr/bin\nInclude-System-Site-Packages = True\n")
    assert load_one(add_venv(folder, "bells", made), OWN).host.hidden == ()


def test_odd_characters_of_a_path_stand_for_themselves(folder: Path, place: Path) -> None:
    odd = place / 'a "quoted" [b]* dir'
    odd.mkdir()
    host = load_one(add_venv(folder, "bells", venv(odd)), OWN).host
    assert host.tool == f"{odd}/bin/python"
    (command,) = host.commands
    assert [str(path) for path in Path("/").glob(command.lstrip("/"))] == [host.tool]


@pytest.mark.parametrize("given", [".", "node_modules"])
def test_node_modules_is_found_by_require_and_import(folder: Path, place: Path, given: str) -> None:
    modules(place)
    runtime = load_one(add_node_modules(folder, "bells", place / given, "typescript"), OWN)
    for way in runtime.ways:
        assert way.host.placed == {f"{place}/node_modules": "/node_modules"}
        assert way.env["NODE_PATH"].split(":") == ["/node_modules", f"{place}/node_modules"]


def _closed(place: Path) -> Path:
    (place / "bin").mkdir()
    (place / "bin" / "python").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (place / "bin" / "python").chmod(0o755)
    (place / "pyvenv.cfg").touch()
    return place


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("bells", lambda place: place / "nowhere", "no directory"),
        ("bells", lambda place: place, "no pyvenv.cfg"),
        ("bells", lambda place: venv(place, tool="/nowhere/python"), "/nowhere/python is gone"),
        ("bells", _closed, "does not start"),
        ("bells", lambda _: Path("/dev"), "/dev of their own"),
        ("python", venv, "Cloche's own"),
        ("py", venv, "Cloche's own"),
        ("Bells", venv, "no name"),
        ("../bells", venv, "no name"),
        ("", venv, "no name"),
    ],
)
def test_venv_that_can_not_be_used_is_refused_and_nothing_written(
    folder: Path, place: Path, name: str, make: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(StackError, match=reason):
        add_venv(folder, name, make(place))
    assert not folder.exists() or list(folder.iterdir()) == []


def test_name_is_free_again_once_its_runtime_is_removed(folder: Path, place: Path) -> None:
    made = venv(place)
    add_venv(folder, "bells", made)
    with pytest.raises(StackError, match="taken"):
        add_venv(folder, "bells", made)
    remove(folder, "bells")
    add_venv(folder, "bells", made)


@pytest.mark.parametrize(("name", "reason"), [("bells", "was added"), ("python", "own"), ("../bells", "was added")])
def test_what_was_not_added_is_not_removed(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(StackError, match=reason):
        remove(folder, name)


def test_directory_with_cloches_own_data_is_not_shown(place: Path) -> None:
    (place / "node_modules" / "bell").mkdir(parents=True)
    with pytest.raises(StackError, match="own data"):
        add_node_modules(place / "node_modules" / "data" / "runtimes", "bells", place)


@pytest.mark.parametrize("base", ["bash", "python", "nothing"])
def test_packages_extend_only_what_can_import_them(folder: Path, place: Path, base: str) -> None:
    with pytest.raises(StackError, match="extends"):
        add_node_modules(folder, "bells", modules(place), base)


def test_empty_node_modules_is_refused(folder: Path, place: Path) -> None:
    (place / "node_modules" / ".bin").mkdir(parents=True)
    with pytest.raises(StackError, match="no packages"):
        add_node_modules(folder, "bells", place)
