"""The secrets of a composed system: each container's file holds what that part needs and nothing of another's."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloche.stack.container_secrets import main, write_container_secrets
from cloche.stack.credentials import load_or_create

#: Who is told which password or token; all else is told to nobody.
TOLD = {
    ("admin_password",): {"bootstrap.json", "postgres-password"},
    ("roles", "cloche_owner"): {"bootstrap.json", "owner.json"},
    ("roles", "cloche_api"): {"bootstrap.json", "api.json"},
    ("roles", "cloche_queue"): {"bootstrap.json", "queue.json"},
    ("roles", "cloche_storage"): {"bootstrap.json", "storage.json"},
    ("users", "owner"): set(),
    ("users", "api"): {"api.json"},
    ("users", "queue"): {"queue.json"},
    ("users", "worker"): {"worker.json"},
    ("users", "storage"): {"storage.json"},
    ("tokens", "api"): {"api.json", "queue.json"},
    ("tokens", "worker"): {"worker.json", "queue.json"},
    ("tokens", "storage"): {"storage.json", "queue.json"},
    ("tokens", "executor"): {"executor.json", "worker.json"},
    ("tokens", "dockerproxy"): {"dockerproxy.json", "executor.json"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_container_secrets(tmp_path / "secrets")
    return tmp_path / "secrets"


def _secrets(folder: Path) -> dict[tuple[str, ...], str]:
    known = json.loads((folder / "credentials.json").read_text())
    flat: dict[tuple[str, ...], str] = {("admin_password",): known.pop("admin_password")}
    return flat | {(kind, name): secret for kind, names in known.items() for name, secret in names.items()}


def test_each_secret_is_told_to_those_who_need_it_alone(folder: Path) -> None:
    files = {path.name: path.read_text() for path in folder.iterdir() if path.name != "credentials.json"}
    told = {
        which: {name for name, text in files.items() if secret in text} for which, secret in _secrets(folder).items()
    }
    assert told == TOLD


def test_the_folder_is_its_owners_and_what_is_mounted_can_be_read_under_any_user(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("credentials.json") == 0o600
    assert set(modes.values()) == {0o444}


def test_what_is_there_stays(folder: Path) -> None:
    before = {path.name: path.read_text() for path in folder.iterdir()}
    write_container_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_executors_that_were_added_stay_and_our_own_is_written_anew(folder: Path) -> None:
    path = folder / "worker.json"
    worker = json.loads(path.read_text())
    (own,) = worker["executors"]
    added = {"name": "second", "address": "http://second-face:8405", "token": "its own"}
    _change(path, worker | {"executors": [added, own | {"token": "an old one"}]})
    write_container_secrets(folder)
    assert json.loads(path.read_text()) == worker | {"executors": [own, added]}


def test_a_list_of_executors_that_cannot_be_read_is_not_overwritten(folder: Path, capsys) -> None:
    _change(folder / "worker.json", {"executors": "second"})
    assert main([str(folder)]) == 1
    assert "worker.json can't be read" in capsys.readouterr().err
    assert json.loads((folder / "worker.json").read_text()) == {"executors": "second"}


def _change(path: Path, settings: dict[str, Any]) -> None:
    path.chmod(0o600)
    path.write_text(json.dumps(settings))


def test_redis_knows_hashes_only(folder: Path) -> None:
    configuration = (folder / "redis.conf").read_text()
    users = load_or_create(folder / "credentials.json").users
    assert all(f"user {user} on #" in configuration for user in users)
    assert "user default off" in configuration


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, capsys) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file")]) == 1
    assert "Can't make the folder" in capsys.readouterr().err
