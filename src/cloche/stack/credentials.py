"""Every password and token of one data directory: made once, kept in one 0600 file."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cloche.stack.private_files import write_private
from cloche.stack.roles import ROLES
from cloche.stack.spawn import StackError
from cloche.stack.valkey_server import RIGHTS

_TOKENS: Final = ("api", "worker", "storage", "executor", "dockerproxy")


@dataclass(frozen=True, slots=True)
class Credentials:
    """``roles`` are PostgreSQL's, ``users`` Valkey's, ``tokens`` those of services among themselves."""

    admin_password: str
    roles: dict[str, str]
    users: dict[str, str]
    tokens: dict[str, str]


def load_or_create(path: Path) -> Credentials:
    """What ``path`` holds, with anything that is missing made and written first. Idempotent.

    Raises:
        StackError: it can't be read or written.
    """
    known = _read(path) if path.exists() else {}
    full = Credentials(
        admin_password=str(known.get("admin_password") or _secret()),
        roles=_filled(known.get("roles"), ROLES),
        users=_filled(known.get("users"), RIGHTS),
        tokens=_filled(known.get("tokens"), _TOKENS),
    )
    if asdict(full) != known:
        write_private(path, json.dumps(asdict(full), indent=1))
    return full


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StackError(f"{path} can't be read: {error}. It holds the passwords of the data beside it.") from error


def _filled(known: Any, names: Iterable[str]) -> dict[str, str]:
    have: dict[str, str] = known or {}
    return {name: have.get(name) or _secret() for name in names}


def _secret() -> str:
    return secrets.token_urlsafe(32)
