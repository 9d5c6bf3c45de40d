import tomllib
from pathlib import Path

import pytest
import typer

from cloche.cli.limit_options import LimitOptionError, parse_limits
from cloche.cli.quantities import STATE_SIGNS, byte_count, duration
from cloche.cli.runtime_guess import guess_runtime
from cloche.cli.submission import pairs, read_files
from cloche.contracts.limits import CompileLimits, Limits

RUNTIMES = Path(__file__).parents[3] / "runtimes"


@pytest.mark.parametrize("path", sorted(RUNTIMES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_runtime_is_guessed_from_its_own_source_file(path: Path):
    runtime = tomllib.loads(path.read_text(encoding="utf-8"))
    assert guess_runtime(runtime["source_file"]) == runtime["name"]


def test_a_name_that_tells_nothing_is_not_guessed():
    assert guess_runtime("Makefile") is None
    assert guess_runtime("notes.txt") is None
    assert guess_runtime("deep.d/MAIN.PY") == "python"


def test_limits_are_given_in_words_and_units():
    limits, compiler = parse_limits(
        ["wall=1500ms", "memory=64MiB", "processes=8", "compile.cpu=20s", "disk-bytes=70000"]
    )
    assert limits == Limits(wall_time_s=1.5, memory_bytes=64 * 2**20, processes=8, disk_bytes=70000)
    assert compiler == CompileLimits(cpu_time_s=20)


def test_only_limits_that_were_given_are_sent():
    limits, _ = parse_limits(["wall=2"])
    assert limits.model_dump(exclude_unset=True) == {"wall_time_s": 2.0}


@pytest.mark.parametrize(
    "option",
    ["wall", "wall=", "wall=fast", "wall=1MiB", "memory=1s", "memory=-1", "colour=3", "wall=0", "=3"],
)
def test_what_is_no_limit_is_refused_by_name(option: str):
    with pytest.raises(LimitOptionError):
        parse_limits([option])


def test_pairs_are_split_at_the_first_sign():
    assert pairs(["A=1=2", "B="], "--env") == {"A": "1=2", "B": ""}
    with pytest.raises(typer.BadParameter):
        pairs(["A"], "--env")
    with pytest.raises(typer.BadParameter):
        pairs(["=1"], "--env")


def test_files_keep_their_places_below_their_common_folder(tmp_path: Path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "main.py").write_text("import lib.x", encoding="utf-8")
    (tmp_path / "lib" / "x.py").write_bytes(b"\xff")
    (tmp_path / "lib" / "nul.py").write_bytes(b"\0")
    main, binary, nul = read_files([tmp_path / "main.py", tmp_path / "lib" / "x.py", tmp_path / "lib" / "nul.py"])
    assert (main.path, main.content, main.encoding) == ("main.py", "import lib.x", "utf-8")
    assert (binary.path, binary.content, binary.encoding) == ("lib/x.py", "/w==", "base64")
    assert (nul.path, nul.content, nul.encoding) == ("lib/nul.py", "AA==", "base64")


def test_one_file_is_called_by_its_own_name(tmp_path: Path):
    (tmp_path / "solution.py").write_text("", encoding="utf-8")
    assert [file.path for file in read_files([tmp_path / "solution.py"])] == ["solution.py"]


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path):
    with pytest.raises(typer.BadParameter):
        read_files([tmp_path / "nothing.py"])


def test_quantities_read_as_on_the_web_page():
    assert [duration(ms) for ms in (None, 0.5, 12.34, 123.4, 1500, 185_000)] == [
        "-",
        "0.50 ms",
        "12.3 ms",
        "123 ms",
        "1.50 s",
        "3 m 05 s",
    ]
    assert [byte_count(n) for n in (None, 512, 9_542_042, 2**28, 2**40)] == [
        "-",
        "512 B",
        "9.1 MiB",
        "256 MiB",
        "1.0 TiB",
    ]


def test_no_two_states_share_a_sign():
    signs = [sign for sign, _ in STATE_SIGNS.values()]
    assert len(signs) == len(set(signs))
