"""What runs once before the services of a composed system start: roles, database, schema, first key."""

import json
import subprocess
import sys

import asyncpg
import pytest

from cloche.kit.keys import new_key
from cloche.stack.api_keys import list_keys
from cloche.stack.roles import DATABASE


@pytest.fixture
async def secrets(postgres, tmp_path):
    """The files that its container sees; the database it makes is removed at the end."""
    (tmp_path / "bootstrap").write_text(
        json.dumps({"admin_dsn": postgres.server.admin_dsn, "passwords": postgres.passwords})
    )
    (tmp_path / "admin_key").write_text(new_key()[1] + "\n")
    yield tmp_path
    admin = await asyncpg.connect(postgres.server.admin_dsn)
    await admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    await admin.close()


def _bootstrap(secrets) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cloche.stack.bootstrap", secrets / "bootstrap", secrets / "admin_key"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


async def test_services_can_log_in_and_the_first_key_works_however_often_it_runs(postgres, secrets) -> None:
    for _ in range(2):
        done = _bootstrap(secrets)
        assert done.returncode == 0, done.stderr
    database = postgres.database(DATABASE)
    for dsn in (database.api, database.queue, database.storage):
        await (await asyncpg.connect(dsn)).close()
    [key] = await list_keys(database.owner)
    assert f"cl_{key.id}_" in (secrets / "admin_key").read_text()
    assert "admin" in key.scopes


def test_a_file_without_a_key_stops_it_before_anything_is_made(secrets) -> None:
    (secrets / "admin_key").write_text("changeme\n")
    done = _bootstrap(secrets)
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds no API key" in done.stderr


def test_a_server_that_is_away_is_said_in_a_sentence(secrets) -> None:
    (secrets / "bootstrap").write_text(
        json.dumps({"admin_dsn": "postgresql://a:secret-word@127.0.0.1:9/postgres", "passwords": {}})
    )
    done = _bootstrap(secrets)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "secret-word" not in done.stderr
