"""``cloche fsck`` without its command line: where the stores are, looking, mending, looking again."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

from redis.exceptions import RedisError

from cloche.kit.bus import Bus
from cloche.kit.ids import uuid7_floor
from cloche.kit.postgres import UNAVAILABLE, PostgresError, open_pool
from cloche.stack.credentials import load_or_create
from cloche.stack.fsck.disagreement import Disagreement
from cloche.stack.fsck.look import Stores, look_twice
from cloche.stack.fsck.repair import mend
from cloche.stack.options import Layout
from cloche.stack.roles import OWNER_ROLE, target_database, with_login
from cloche.stack.spawn import StackError
from cloche.stack.stores import recall_owner
from cloche.stack.valkey_server import OWNER, SOCKET_NAME

#: One repair may bring to light what the next has to mend: a verdict, then the output that belongs to it.
_MOST_ROUNDS: Final = 4
#: One look reads all that is stored.
_STATEMENT_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Places:
    """How the owner reaches both stores."""

    dsn: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Report:
    """``mended`` disagreed and does not any more; ``left`` still disagrees."""

    left: list[Disagreement]
    mended: list[Disagreement]


def places_of(layout: Layout, pg_url: str | None, passwords_file: Path | None, redis_url: str | None) -> Places:
    """The servers of a data directory, or those that are named; an administrator's PostgreSQL URL will do.

    Raises:
        StackError: a file can't be read, or Cloche never ran there.
    """
    if pg_url is None:
        dsn = recall_owner(layout)
    elif passwords_file is None:
        dsn = with_database(pg_url)
    else:
        dsn = with_login(pg_url, OWNER_ROLE, _owner_password(passwords_file), target_database(pg_url))
    if redis_url is None:
        if not layout.credentials.exists():
            raise StackError(f"Cloche never ran on {layout.root}; give --redis-url.")
        password = load_or_create(layout.credentials).users[OWNER]
        socket = layout.run / "valkey" / SOCKET_NAME
        redis_url = f"unix://{OWNER}:{quote(password)}@{quote(str(socket))}?db=0"
    return Places(dsn, redis_url)


def with_database(pg_url: str) -> str:
    """``pg_url`` with the database it means."""
    return urlunsplit(urlsplit(pg_url)._replace(path=f"/{target_database(pg_url)}"))


def _owner_password(path: Path) -> str:
    try:
        return json.loads(path.read_text(encoding="utf-8"))[OWNER_ROLE]
    except (OSError, ValueError, KeyError) as error:
        raise StackError(f"{path} can't be used: {error}.") from error


async def check(places: Places, *, since: datetime | None, apart_s: float, repair: bool) -> Report:
    """Look twice, ``apart_s`` seconds apart; with ``repair`` mend what was found and look again.

    Raises:
        StackError: a server is away or refuses.
    """
    pool = await open_pool(places.dsn, service="fsck", size=4, statement_timeout_s=_STATEMENT_TIMEOUT_S)
    bus = Bus.connect(places.redis_url)
    try:
        stores = Stores(pool, bus)
        return await _check(stores, uuid7_floor(since) if since else UUID(int=0), apart_s, repair=repair)
    except (*UNAVAILABLE, PostgresError, RedisError) as error:
        reason = f"{error}" or type(error).__name__
        raise StackError(f"PostgreSQL or Redis can't be looked at: {reason}. Do both run?") from error
    finally:
        await bus.close()
        await pool.close()


async def _check(stores: Stores, since: UUID, apart_s: float, *, repair: bool) -> Report:
    found = await look_twice(stores, since, apart_s)
    seen = {finding.key: finding for finding in found}
    for _ in range(_MOST_ROUNDS if repair else 0):
        if not found:
            break
        await mend(stores, found)
        found = await look_twice(stores, since, apart_s)
        seen |= {finding.key: finding for finding in found}
    left = {finding.key for finding in found}
    return Report(found, [finding for key, finding in seen.items() if key not in left])
