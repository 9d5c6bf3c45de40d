"""The two stores as the services reach them: embedded ones as children, or external ones by URL."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cloche.stack.children import ChildPlan
from cloche.stack.credentials import Credentials
from cloche.stack.options import Layout, StackOptions
from cloche.stack.prepare import embedded_postgres, embedded_valkey, postgres_plan, valkey_plan
from cloche.stack.private_files import write_private
from cloche.stack.roles import DATABASE, OWNER_ROLE, SERVICE_ROLES, target_database, with_login
from cloche.stack.spawn import StackError
from cloche.stack.valkey_server import RIGHTS


@dataclass(frozen=True, slots=True)
class Stores:
    """Where PostgreSQL and Redis are, and the children that make them be there.

    ``dsn`` has one entry a service, ``redis_url`` one a user; ``admin_dsn`` may make roles and databases.
    """

    plans: list[ChildPlan]
    admin_dsn: str
    owner_dsn: str
    database: str
    dsn: dict[str, str]
    redis_url: dict[str, str]


def plan_stores(layout: Layout, options: StackOptions, credentials: Credentials) -> Stores:
    """Choose external servers where they are named and embedded ones otherwise; makes folders, starts nothing.

    Raises:
        StackError: no server program can be found, or its folder can't be made.
    """
    plans: list[ChildPlan] = []
    if options.pg_url is None:
        server = embedded_postgres(layout, options, credentials)
        plans.append(postgres_plan(server, layout))
        admin_dsn, database = server.admin_dsn, DATABASE
        login: Callable[[str, str, str], str] = server.dsn
    else:
        admin_dsn, database = options.pg_url, target_database(options.pg_url)
        login = partial(with_login, options.pg_url)
    if options.redis_url is None:
        valkey = embedded_valkey(layout, options, credentials)
        plans.append(valkey_plan(valkey, layout))
        redis_url = {user: valkey.url(user) for user in RIGHTS}
    else:
        redis_url = dict.fromkeys(RIGHTS, options.redis_url)
    return Stores(
        plans=plans,
        admin_dsn=admin_dsn,
        owner_dsn=login(OWNER_ROLE, credentials.roles[OWNER_ROLE], database),
        database=database,
        dsn={service: login(role, credentials.roles[role], database) for service, role in SERVICE_ROLES.items()},
        redis_url=redis_url,
    )


def remember_owner(layout: Layout, owner_dsn: str) -> None:
    """Keep how the owner reaches the database, for the commands that manage keys and migrate.

    Raises:
        StackError: the disk is full.
    """
    write_private(layout.owner, json.dumps({"dsn": owner_dsn}))


def recall_owner(layout: Layout) -> str:
    """What ``remember_owner`` kept.

    Raises:
        StackError: Cloche never ran on this data directory.
    """
    try:
        return json.loads(layout.owner.read_text(encoding="utf-8"))["dsn"]
    except FileNotFoundError:
        raise StackError(f"Cloche never ran on {layout.root}; start it with 'cloche up' or give --pg-url.") from None
    except (OSError, ValueError, KeyError) as error:
        raise StackError(f"{layout.owner} can't be read: {error}.") from error
