"""``python -m cloche.stack.container_secrets DIR``: the secrets of a composed system, one file a container.

The folder is its owner's alone (0700); the files in it can be read by all, because a container sees its own
file under whatever user it runs as, and no other file. ``credentials.json``, from which they are made, is
mounted nowhere. Running it again after an update adds what is new: passwords and tokens stay, and so do further
``executors`` in ``worker.json``. All else is written anew.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from cloche.kit.keys import new_key
from cloche.stack.credentials import Credentials, load_or_create
from cloche.stack.postgres_server import ADMIN_ROLE
from cloche.stack.private_files import make_folder, write_private
from cloche.stack.roles import DATABASE, OWNER_ROLE, SERVICE_ROLES
from cloche.stack.spawn import StackError
from cloche.stack.valkey_server import configuration

#: A server answers to the name of the network that leads to it; see deploy/compose.yaml.
POSTGRES: Final = "postgres-face:5432"
REDIS: Final = "redis-face:6379"
EXECUTOR: Final = "http://executor-face:8405"

_EXECUTOR: Final = "executor"
_REDIS_PLACE: Final = ("port 6379", "bind redis-face", "dir /data")


def write_container_secrets(folder: Path) -> None:
    """Fill ``folder``, which is made if need be.

    Raises:
        StackError: it can't be written, or its ``credentials.json`` or ``worker.json`` can't be read.
    """
    make_folder(folder)
    credentials = load_or_create(folder / "credentials.json")
    if not (folder / "admin-key").exists():
        _write(folder / "admin-key", new_key()[1])
    _write(folder / "postgres-password", credentials.admin_password)
    _write(folder / "redis.conf", configuration(_REDIS_PLACE, credentials.users))
    settings = _settings(credentials)
    settings["worker"]["executors"] += _added_executors(folder / "worker.json")
    for name, each in settings.items():
        _write(folder / f"{name}.json", json.dumps(each, indent=1))


def _settings(credentials: Credentials) -> dict[str, dict[str, Any]]:
    """The secret settings of each container; those that are not secret stand in the compose file."""
    tokens = credentials.tokens
    stores = {service: _stores(service, credentials) for service in SERVICE_ROLES}
    return {
        "api": {**stores["api"], "queue_token": tokens["api"]},
        "queue": {**stores["queue"], "tokens": {caller: tokens[caller] for caller in ("api", "worker", "storage")}},
        "storage": {**stores["storage"], "queue_token": tokens["storage"]},
        "worker": {
            "redis_url": _redis_url("worker", credentials),
            "queue_token": tokens["worker"],
            "executors": [{"name": _EXECUTOR, "address": EXECUTOR, "token": tokens["executor"]}],
        },
        "executor": {"worker_token": tokens["executor"], "docker_token": tokens["dockerproxy"]},
        "dockerproxy": {"token": tokens["dockerproxy"]},
        "bootstrap": {
            "admin_dsn": _dsn(ADMIN_ROLE, credentials.admin_password, "postgres"),
            "passwords": credentials.roles,
        },
        "owner": {"dsn": _dsn(OWNER_ROLE, credentials.roles[OWNER_ROLE], DATABASE)},
    }


def _added_executors(worker: Path) -> list[dict[str, Any]]:
    """Those that people listed in ``worker.json``, by other names than our own."""
    try:
        listed: list[dict[str, Any]] = json.loads(worker.read_text(encoding="utf-8"))["executors"]
        return [executor for executor in listed if executor["name"] != _EXECUTOR]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(f"{worker} can't be read: {error!r}. Executors added to it would be lost.") from error


def _stores(service: str, credentials: Credentials) -> dict[str, Any]:
    role = SERVICE_ROLES[service]
    return {"dsn": _dsn(role, credentials.roles[role], DATABASE), "redis_url": _redis_url(service, credentials)}


def _dsn(role: str, password: str, database: str) -> str:
    return f"postgresql://{role}:{password}@{POSTGRES}/{database}"


def _redis_url(user: str, credentials: Credentials) -> str:
    return f"redis://{user}:{credentials.users[user]}@{REDIS}/0"


def _write(path: Path, text: str) -> None:
    write_private(path, text.rstrip("\n") + "\n")
    path.chmod(0o444)


def main(arguments: list[str]) -> int:
    """0 when the folder is filled; 1 and a sentence when it can't be; 2 for a wrong command line."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        write_container_secrets(Path(arguments[0]))
    except StackError as error:
        sys.stderr.write(f"cloche.stack.container_secrets: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
