"""Migrations run once, by one process at a time, also on a server that is not ours."""

import asyncio
import json
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from cloche.stack.migrate import current_revision, newest_revision, upgrade
from cloche.stack.roles import ROLES, create_roles_and_database, with_login

from .conftest import cloche


@pytest.fixture
async def empty(postgres):
    """A database with its roles' rights and no schema, removed at the end."""
    name = f"empty_{secrets.token_hex(4)}"
    await create_roles_and_database(postgres.server.admin_dsn, postgres.passwords, name)
    yield postgres.database(name)
    admin = await asyncpg.connect(postgres.server.admin_dsn)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_four_at_once_migrate_once(empty) -> None:
    assert await current_revision(empty.owner) is None
    # Each in a process of its own, as replicas of a service would.
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: _migrate_in_process(empty.owner), range(4)))
    assert [result.returncode for result in done] == [0, 0, 0, 0], [result.stderr for result in done]
    assert await current_revision(empty.owner) == newest_revision()


def _migrate_in_process(dsn: str):
    program = "import sys; from cloche.stack.migrate import upgrade; upgrade(sys.stdin.read())"
    return subprocess.run(
        [sys.executable, "-c", program], input=dsn, text=True, capture_output=True, timeout=100, check=False
    )


async def test_a_second_upgrade_changes_nothing(database) -> None:
    before = await current_revision(database.owner)
    await asyncio.to_thread(upgrade, database.owner)
    assert await current_revision(database.owner) == before == newest_revision()


async def test_an_administrator_who_is_no_superuser_suffices(postgres, tmp_path) -> None:
    """As on a managed server: a role that may create roles and databases."""
    admin = await asyncpg.connect(postgres.server.admin_dsn)
    name = f"managed_{secrets.token_hex(4)}"
    await admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE CREATEDB PASSWORD 'pw'")
    for role in ROLES:
        await admin.execute(f"GRANT {role} TO {name} WITH ADMIN OPTION")
    url = postgres.server.dsn(name, "pw", "postgres")
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps(postgres.passwords))
    target = with_login(url, name, "pw", name)
    try:
        done = cloche("migrate", "--pg-url", target, "--passwords-file", str(passwords))
        assert (done.returncode, done.stderr) == (0, "")
        assert await current_revision(postgres.database(name).owner) == newest_revision()
        for service in ("api", "queue", "storage"):
            await (await asyncpg.connect(getattr(postgres.database(name), service))).close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for role in ROLES:
            await admin.execute(f"REVOKE {role} FROM {name}")
        await admin.execute(f"DROP OWNED BY {name}")
        await admin.execute(f"DROP ROLE {name}")
        await admin.close()
