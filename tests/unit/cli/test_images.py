"""``cloche images`` where there is nothing to work with."""

import pytest
from typer.testing import CliRunner

from cloche.cli.main import app


@pytest.mark.parametrize("arguments", [["build", "python"], ["list"]])
def test_missing_docker_is_said_in_a_sentence_with_the_remedy(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    ended = CliRunner().invoke(app, ["images", *arguments])
    assert ended.exit_code == 1
    assert "apt-get install docker.io" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build"], "either names of images or --all"),
        (["build", "python", "--all"], "either names of images or --all"),
        (["build", "no-such-language"], "images/no-such-language/Dockerfile"),
        (["build", "../etc"], "There is no"),
    ],
)
def test_names_that_mean_no_image_are_refused_before_anything_is_built(arguments: list[str], said: str) -> None:
    ended = CliRunner().invoke(app, ["images", *arguments])
    assert ended.exit_code == 1
    assert said in ended.stderr
