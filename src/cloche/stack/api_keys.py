"""API keys as the owner of the database manages them: make, list, revoke, and the first one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cloche.contracts.words import Scope
from cloche.kit.errors import NotFoundError
from cloche.kit.keys import ALL_SCOPES, LOCAL_CALLER, hash_secret, new_key, split_key
from cloche.stack.postgres_server import connect
from cloche.stack.private_files import write_private
from cloche.stack.spawn import StackError

_INSERT = """
INSERT INTO api_key (id, secret_hash, tenant, scopes, name) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING
"""
_LIST = "SELECT id, tenant, scopes, name, created_at, revoked_at FROM api_key ORDER BY created_at, id"
_REVOKE = "UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without its secret, which nobody stores."""

    id: str
    tenant: str
    scopes: list[str]
    name: str
    created_at: datetime
    revoked_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        times = {name: moment and moment.isoformat() for name, moment in _times(self).items()}
        return {**asdict(self), **times}


def _times(row: KeyRow) -> dict[str, datetime | None]:
    return {"created_at": row.created_at, "revoked_at": row.revoked_at}


async def create_key(owner_dsn: str, tenant: str, scopes: Sequence[Scope], name: str) -> str:
    """A new key, to be shown once."""
    key_id, key, secret_hash = new_key()
    connection: Any = await connect(owner_dsn)
    try:
        await connection.execute(_INSERT, key_id, secret_hash, tenant, list(scopes), name)
    finally:
        await connection.close()
    return key


async def list_keys(owner_dsn: str) -> list[KeyRow]:
    """Every key, oldest first, revoked ones included."""
    connection: Any = await connect(owner_dsn)
    try:
        return [KeyRow(**dict(row)) for row in await connection.fetch(_LIST)]
    finally:
        await connection.close()


async def revoke_key(owner_dsn: str, key_id: str) -> None:
    """End a key; services notice within seconds. Idempotent.

    Raises:
        NotFoundError: there is no such key.
    """
    connection: Any = await connect(owner_dsn)
    try:
        if await connection.fetchval(_REVOKE, key_id) is None:
            raise NotFoundError(f"There is no key {key_id}.")
    finally:
        await connection.close()


async def ensure_admin_key(owner_dsn: str, path: Path) -> None:
    """Let ``path`` hold a key with every scope. Idempotent: a file that is there is kept, a revoked key stays revoked.

    The file is written first, so that a key never works that nobody was told.

    Raises:
        StackError: the file holds something else, or the disk is full.
    """
    key_id, secret_hash = _read_or_make(path)
    connection: Any = await connect(owner_dsn)
    try:
        await connection.execute(_INSERT, key_id, secret_hash, LOCAL_CALLER.tenant, list(ALL_SCOPES), "first admin key")
    finally:
        await connection.close()


def _read_or_make(path: Path) -> tuple[str, bytes]:
    if not path.exists():
        key_id, key, secret_hash = new_key()
        write_private(path, f"{key}\n")
        return key_id, secret_hash
    parts = split_key(path.read_text(encoding="utf-8").strip())
    if parts is None:
        raise StackError(f"{path} holds no API key; remove it and a new one is made.")
    return parts[0], hash_secret(parts[1])
