"""deploy/make-secrets, with a ``docker`` that writes down how it was called."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_DOCKER = """#!/bin/bash
echo "$1" >> calls
if [ "$1" = run ]; then cp -f rights secrets/redis.conf; fi
"""


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy of the folder, prepared, of a system that is already there."""
    shutil.copy(ROOT / "deploy/make-secrets", tmp_path)
    (tmp_path / "service/wheels").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(_DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    (tmp_path / ".env").write_text("COMPOSE_PROJECT_NAME=cloche\nCLOCHE_SLOTS=2")
    return tmp_path


def _make_secrets(deploy: Path, rights: str) -> dict[str, str]:
    """Run it where the image of now gives these rights; what ``.env`` then holds."""
    (deploy / "rights").write_text(rights)
    path = f"{deploy / 'bin'}:/usr/bin:/bin"
    subprocess.run([deploy / "make-secrets"], env={"PATH": path}, check=True, capture_output=True)
    return dict(line.split("=", 1) for line in (deploy / ".env").read_text().splitlines())


def test_the_image_is_brought_up_to_date_before_it_writes_secrets(deploy: Path) -> None:
    _make_secrets(deploy, "+time")
    assert (deploy / "calls").read_text().split() == ["build", "run"]


def test_images_that_were_loaded_are_used_as_they_are(deploy: Path) -> None:
    (deploy / "service/wheels").rmdir()
    _make_secrets(deploy, "+time")
    assert (deploy / "calls").read_text().split() == ["run"]


def test_redis_is_made_anew_when_its_rights_change_and_only_then(deploy: Path) -> None:
    before = _make_secrets(deploy, "+get")
    assert _make_secrets(deploy, "+get") == before
    after = _make_secrets(deploy, "+get +time")
    assert after.pop("CLOCHE_REDIS_CONF") != before.pop("CLOCHE_REDIS_CONF")
    assert after == before == {"COMPOSE_PROJECT_NAME": "cloche", "CLOCHE_SLOTS": "2"}
    redis = (ROOT / "deploy/compose.yaml").read_text().partition("\n  redis:\n")[2].partition("\n\n")[0]
    assert "${CLOCHE_REDIS_CONF:-}" in redis
