"""Who exists in PostgreSQL: an owner who migrates and one role a service, none of them a superuser."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (only error classes are used)

from cloche.stack.postgres_server import connect
from cloche.stack.spawn import StackError

OWNER_ROLE: Final = "cloche_owner"
SERVICE_ROLES: Final[Mapping[str, str]] = {
    "api": "cloche_api",
    "queue": "cloche_queue",
    "storage": "cloche_storage",
}
ROLES: Final = (OWNER_ROLE, *SERVICE_ROLES.values())
DATABASE: Final = "cloche"
_MAINTENANCE: Final = ("", "postgres", "template0", "template1")


def target_database(admin_url: str) -> str:
    """The database an administrator's URL means: the one it names, or ``cloche`` for a maintenance database."""
    named = urlsplit(admin_url).path.strip("/")
    return DATABASE if named in _MAINTENANCE else named


def with_login(url: str, role: str, password: str, database: str) -> str:
    """``url`` with another login and database; host, port and options stay."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}", path=f"/{database}"))


async def create_roles_and_database(
    admin_url: str, passwords: Mapping[str, str], database: str, *, take_over: bool = True
) -> None:
    """Make what is missing, set the passwords, and close the database to everybody else. Idempotent.

    ``passwords`` maps each of ``ROLES`` to letters, digits, ``-`` and ``_``. ``admin_url`` logs in
    a superuser, or a role that may create roles and databases; its own database need not exist yet.
    Roles belong to the whole cluster: with ``take_over``, whoever used them with other passwords is
    locked out; without it, roles that log in with other passwords are left as they are.

    Raises:
        StackError: the server does not answer, or refuses the login or one of the steps, or the
            roles are somebody else's.
    """
    try:
        await _create(admin_url, passwords, database, take_over=take_over)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StackError(f"The administrator of --pg-url may not do what is needed: {error}.") from error
    except asyncpg.PostgresError as error:
        raise StackError(f"PostgreSQL refused to make roles and database: {error}.") from error
    except OSError as error:
        raise StackError(f"PostgreSQL does not answer at {_without_password(admin_url)}: {error}.") from error


async def _create(admin_url: str, passwords: Mapping[str, str], database: str, *, take_over: bool) -> None:
    connection: Any = await _connect_as_admin(admin_url)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('cloche.roles'))")
        if not take_over:
            await _refuse_roles_of_others(connection, admin_url, passwords, database)
        superuser: bool = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        for role in ROLES:
            await _make_role(connection, role, passwords[role])
        if not superuser:
            await connection.execute(f"GRANT {OWNER_ROLE} TO CURRENT_USER")
        await connection.execute(f"GRANT {', '.join(SERVICE_ROLES.values())} TO {OWNER_ROLE}")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await connection.execute(f"CREATE DATABASE {_quoted(database)} OWNER {OWNER_ROLE}")
        await close_database(connection, database)
    finally:
        await connection.close()
    await _close_schema(admin_url, database)


async def _refuse_roles_of_others(connection: Any, admin_url: str, passwords: Mapping[str, str], database: str) -> None:
    """A role that may not log in is nobody's yet."""
    rows = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin", list(ROLES))
    roles: list[str] = sorted(row["rolname"] for row in rows)
    others = [r for r in roles if not await _logs_in(with_login(admin_url, r, passwords[r], database))]
    if others:
        raise StackError(
            f"The PostgreSQL of --pg-url serves another Cloche: our passwords do not log in {', '.join(others)}, and "
            "new ones would lock that one out. Copy its credentials.json into our data directory, or use another "
            "server. If nothing uses these roles any more, ALTER ROLE … NOLOGIN each of them, then start again."
        )


async def _logs_in(dsn: str) -> bool:
    try:
        connection = await connect(dsn)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    except (asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError):
        return True  # what the password opens is missing or closed; both are said after it was right
    await connection.close()
    return True


async def close_database(connection: Any, database: str) -> None:
    """Give ``database`` to the owner and let only Cloche's roles connect to it. Idempotent.

    A copy made with CREATE DATABASE … TEMPLATE needs this anew: rights on the database itself are not copied.
    """
    name = _quoted(database)
    await connection.execute(f"ALTER DATABASE {name} OWNER TO {OWNER_ROLE}")
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(SERVICE_ROLES.values())}")


async def _connect_as_admin(admin_url: str) -> Any:
    try:
        return await connect(admin_url)
    except asyncpg.InvalidCatalogNameError:
        return await connect(urlunsplit(urlsplit(admin_url)._replace(path="/postgres")))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


async def _close_schema(admin_url: str, database: str) -> None:
    connection: Any = await connect(urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}")))
    try:
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    finally:
        await connection.close()


async def _make_role(connection: Any, role: str, password: str) -> None:
    if not password.replace("-", "").replace("_", "").isalnum():
        raise ValueError("a role's password is letters, digits, '-' and '_'")
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN NOCREATEDB NOCREATEROLE PASSWORD '{password}'")
    except asyncpg.DuplicateObjectError:
        await connection.execute(f"ALTER ROLE {role} LOGIN NOCREATEDB NOCREATEROLE PASSWORD '{password}'")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
