"""API keys: ``cl_<id>_<secret>``; only the SHA-256 of the secret is stored."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cloche.contracts.words import Scope

ALL_SCOPES: Final[tuple[Scope, ...]] = ("submit", "read", "operate", "admin")

#: How the row of a key is found; needs SELECT on api_key.
FIND_KEY_SQL: Final = "SELECT secret_hash, tenant, scopes FROM api_key WHERE id = $1 AND revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: whose data it may see and what it may do."""

    tenant: str
    scopes: frozenset[str]
    key_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this caller holds ``scope`` (``admin`` holds all)."""
        return scope in self.scopes or "admin" in self.scopes


#: Who asks when no keys are required, which only a loopback listener allows.
LOCAL_CALLER: Final = Caller(tenant="default", scopes=frozenset(ALL_SCOPES))


def new_key() -> tuple[str, str, bytes]:
    """A new key: its public id, the whole key to show once, the hash to store."""
    key_id = secrets.token_hex(8)
    secret = secrets.token_urlsafe(32)
    return key_id, f"cl_{key_id}_{secret}", hash_secret(secret)


def hash_secret(secret: str) -> bytes:
    """What is stored. Secrets have 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def split_key(key: str) -> tuple[str, str] | None:
    """(id, secret), or None when it is no key of Cloche."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != "cl" or len(key_id) != 16 or not key_id.isalnum() or not 20 <= len(secret) <= 100:
        return None
    return key_id, secret


def matches(secret: str, stored: bytes) -> bool:
    """Whether ``secret`` is the one whose hash is ``stored``, in constant time."""
    return hmac.compare_digest(hash_secret(secret), stored)
