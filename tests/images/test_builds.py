"""``cloche images``: what is built, what is left alone, and what is said where it can't work."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloche.cli.main import app
from cloche.stack.image_builds import images_folder

pytestmark = pytest.mark.docker

NAME = "toy-language"
DOCKERFILE = """FROM debian:bookworm-slim
COPY install /cloche/install
COPY launcher /cloche/launcher
LABEL toy={label}
"""


def cloche(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["images", *arguments])


@pytest.fixture
def folder(tmp_path: Path, docker_host: dict[str, str]) -> Iterator[Path]:
    """Images of the test's own, whose names go from the Engine at the end."""
    place = tmp_path / "images"
    (place / NAME).mkdir(parents=True)
    shutil.copy(images_folder() / "install", place)
    (place / NAME / "Dockerfile").write_text(DOCKERFILE.format(label="one"), encoding="utf-8")
    yield place
    listed = subprocess.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"cloche/{NAME}"],
        env=docker_host,
        capture_output=True,
        text=True,
        check=True,
    )
    subprocess.run(["docker", "image", "rm", *listed.stdout.split()], env=docker_host, check=True, capture_output=True)


@pytest.fixture
def build(folder: Path, tmp_path: Path) -> Callable[..., Result]:
    return lambda *names: cloche("build", *names, "--folder", str(folder), "--data-dir", str(tmp_path / "data"))


def state(folder: Path) -> dict[str, object]:
    listed = cloche("list", "--json", "--folder", str(folder))
    (image,) = [json.loads(line) for line in listed.stdout.splitlines()]
    return image


def test_image_is_built_once_and_again_when_its_dockerfile_changed(folder: Path, build: Callable[..., Result]) -> None:
    assert state(folder)["state"] == "missing"
    first = build(NAME)
    name, size, how = first.stdout.strip().split("\t")
    assert (name, how) == (f"cloche/{NAME}:latest", "built")
    assert size.endswith("MiB")
    assert state(folder)["state"] == "built"
    assert build("--all").stdout.strip().endswith("unchanged")
    (folder / NAME / "Dockerfile").write_text(DOCKERFILE.format(label="two"), encoding="utf-8")
    assert state(folder)["state"] == "outdated"
    assert build(NAME).stdout.strip().endswith("built")
    assert state(folder)["state"] == "built"


def test_failing_build_ends_with_what_the_builder_said(folder: Path, build: Callable[..., Result]) -> None:
    build(NAME)
    with (folder / NAME / "Dockerfile").open("a", encoding="utf-8") as dockerfile:
        dockerfile.write("RUN echo no such bell >&2; exit 3\n")
    failed = build(NAME)
    assert failed.exit_code == 1
    assert "no such bell" in failed.stderr
    assert state(folder)["state"] == "outdated"


def test_engine_that_does_not_answer_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    failed = cloche("list")
    assert failed.exit_code == 1
    assert "DOCKER_HOST" in failed.stderr
    assert "systemctl start docker" in failed.stderr
