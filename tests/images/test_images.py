"""Every image runs its language through the engine and the proxy, says its version, and brings nothing unsafe."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from language import Language, text

from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.runtimes import load_runtimes

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

PROGRAMS = Path(__file__).parent / "programs"
TABLE = Path(__file__).parents[2] / "docs/reference/images.md"
STDIN = "glass 42\nünder\n"
NO_PROGRAM = "} this is ) no program (\n"


def announced(name: str) -> str:
    """The version that the documentation's table names."""
    row = re.search(rf"^\| `{name}` \| ([0-9.]+) \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None, f"{name} is missing in {TABLE.name}"
    return row[1]


async def test_hello_passes_and_the_version_is_the_documented_one(language: Language) -> None:
    # Debian's updates change the third number.
    assert language.version.split(".")[:2] == announced(language.runtime.name).split(".")[:2]


async def test_input_comes_out_and_the_exit_status_is_the_programs(language: Language) -> None:
    source = (PROGRAMS / language.runtime.name / language.runtime.source_file).read_text(encoding="utf-8")
    ended = await language.run(source, STDIN)
    assert ended.compile is None or ended.compile.exit_code == 0, text(ended.compile.output)
    assert (ended.verdict, ended.exit_code) == ("runtime_error", 7), text(ended.stderr.data)
    assert text(ended.stdout.data) == STDIN


async def test_what_is_no_program_is_an_error_that_says_something(language: Language) -> None:
    special = PROGRAMS / language.runtime.name / "no_program"
    ended = await language.run(special.read_text(encoding="utf-8") if special.is_file() else NO_PROGRAM)
    if ended.compile is not None:
        assert ended.verdict == "compile_error"
        assert text(ended.compile.output)
    else:
        assert (ended.verdict, ended.exit_code != 0) == ("runtime_error", True)
        assert text(ended.stderr.data) or text(ended.stdout.data)


def test_no_image_has_a_setuid_file_or_another_user_than_nobody(
    references: dict[str, str], docker_host: dict[str, str]
) -> None:
    for reference in references.values():
        find = ["docker", "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "find", reference]
        found = subprocess.run(
            [*find, "/", "-xdev", "-type", "f", "-perm", "/6000"],
            env=docker_host,
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout == "", reference
        shown = subprocess.run(
            ["docker", "image", "inspect", reference], env=docker_host, capture_output=True, text=True, check=True
        )
        config = json.loads(shown.stdout)[0]["Config"]
        assert (config["User"], config["Entrypoint"]) == ("65534:65534", ["/cloche/launcher"]), reference


async def test_python_has_numpy_and_pandas(engine: DockerEngine) -> None:
    (python,) = load_runtimes(only=("python",))
    ended = await (await Language.ready(python, engine)).run(
        "import numpy, pandas\nprint(pandas.DataFrame({'a': numpy.arange(4)}).a.sum())\n"
    )
    assert (ended.verdict, text(ended.stdout.data)) == ("accepted", "6\n"), text(ended.stderr.data)


def test_every_runtime_has_an_image_a_program_and_a_row() -> None:
    for runtime in load_runtimes():
        assert runtime.image is not None, runtime.name
        assert (Path(__file__).parents[2] / "images" / runtime.image.alias / "Dockerfile").is_file(), runtime.name
        assert (PROGRAMS / runtime.name / runtime.source_file).is_file(), runtime.name
        assert announced(runtime.name)
