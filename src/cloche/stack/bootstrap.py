"""``python -m cloche.stack.bootstrap SECRETS ADMIN_KEY``: roles, database, schema and first key; then it ends.

What runs once before the services of a composed system start; safe to repeat, with any number of services at work.
"""

import asyncio
import json
import sys
from pathlib import Path

from cloche.kit.keys import split_key
from cloche.stack.api_keys import ensure_admin_key
from cloche.stack.migrate import newest_revision, upgrade
from cloche.stack.roles import DATABASE, OWNER_ROLE, create_roles_and_database, with_login
from cloche.stack.spawn import StackError


def bootstrap(secrets: Path, admin_key: Path) -> None:
    """Bring a PostgreSQL that is ours alone to where services can log in. Blocks; call it outside an event loop.

    ``secrets`` is JSON: ``admin_dsn``, and ``passwords`` with one a role. ``admin_key`` holds the first API key.

    Raises:
        StackError: a file can't be used, or PostgreSQL refuses.
    """
    admin_dsn, passwords = _read(secrets)
    if not admin_key.is_file() or split_key(admin_key.read_text(encoding="utf-8").strip()) is None:
        raise StackError(f"{admin_key} holds no API key.")
    asyncio.run(create_roles_and_database(admin_dsn, passwords, DATABASE))
    owner_dsn = with_login(admin_dsn, OWNER_ROLE, passwords[OWNER_ROLE], DATABASE)
    upgrade(owner_dsn)
    asyncio.run(ensure_admin_key(owner_dsn, admin_key))


def _read(secrets: Path) -> tuple[str, dict[str, str]]:
    try:
        found = json.loads(secrets.read_text(encoding="utf-8"))
        return found["admin_dsn"], found["passwords"]
    except (OSError, ValueError, KeyError) as error:
        raise StackError(f"{secrets} can't be used: {error}.") from error


def main(arguments: list[str]) -> int:
    """0 when all is in place; 1 and a sentence when it is not; 2 for a wrong command line."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        bootstrap(Path(arguments[0]), Path(arguments[1]))
    except StackError as error:
        sys.stderr.write(f"cloche.stack.bootstrap: {error}\n")
        return 1
    sys.stdout.write(f"The schema is at revision {newest_revision()}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
