"""What a person chose for this machine, checked; and where everything lies below one data directory."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from cloche.stack.accounts import is_root
from cloche.stack.spawn import StackError

DEFAULT_PORT: Final = 8400
Engine = Literal["local", "docker"]
LeastIsolation = Literal["process", "namespace"]


@dataclass(frozen=True, slots=True)
class StackOptions:
    """One stack. ``pg_url`` and ``redis_url`` name external servers and replace the embedded ones.

    ``parts`` limits which services are started (None: all that the engine needs). ``base_uid`` is
    the first of 60 numeric user and group ids that the services get when root starts them.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    require_keys: bool = False
    engine: Engine = "local"
    default_isolation: LeastIsolation = "namespace"
    pg_url: str | None = None
    redis_url: str | None = None
    hosts: tuple[str, ...] = ()
    base_uid: int = 61840
    parts: tuple[str, ...] | None = None

    def check(self) -> None:
        """Refuse what would not be safe.

        Raises:
            StackError: other machines could reach a port that asks for no key, or an address is none.
        """
        if not self.require_keys and not _is_loopback(self.host):
            raise StackError(f"--host {self.host} opens Cloche to other machines; that needs --require-keys.")
        if self.pg_url is not None and not self.pg_url.startswith(("postgresql://", "postgres://")):
            raise StackError("--pg-url must begin with postgresql:// and name an administrator.")
        if self.redis_url is not None and not self.redis_url.startswith(("redis://", "rediss://", "unix://")):
            raise StackError("--redis-url must begin with redis://, rediss:// or unix://.")

    @property
    def url(self) -> str:
        """Where a person on this machine finds the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def to_json(self) -> dict[str, Any]:
        """Plain data for another process."""
        return TypeAdapter(StackOptions).dump_python(self, mode="json")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "StackOptions":
        """What ``to_json`` wrote."""
        return TypeAdapter(StackOptions).validate_python(data)


@dataclass(frozen=True, slots=True)
class Layout:
    """The names below a data directory."""

    root: Path

    @property
    def run(self) -> Path:
        """Sockets and the state of the running stack."""
        return self.root / "run"

    @property
    def log(self) -> Path:
        """One log a part."""
        return self.root / "log"

    @property
    def secrets(self) -> Path:
        """One file of settings a service."""
        return self.root / "secrets"

    @property
    def credentials(self) -> Path:
        """Every password and token; for the supervisor and the keys commands."""
        return self.root / "credentials.json"

    @property
    def owner(self) -> Path:
        """How the owner of the database reaches it."""
        return self.secrets / "owner.json"

    @property
    def admin_key(self) -> Path:
        """The first API key, where keys are required."""
        return self.root / "admin-key"

    @property
    def lock(self) -> Path:
        """Held by the running supervisor; holds its pid."""
        return self.root / "lock"

    @property
    def status(self) -> Path:
        """What the supervisor last said about its children."""
        return self.run / "status.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's files."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's files."""
        return self.root / "valkey"

    @property
    def runtimes(self) -> Path:
        """Runtimes that people added, a file each."""
        return self.root / "runtimes"

    def log_of(self, name: str) -> Path:
        """The log of one part."""
        return self.log / f"{name}.log"


def default_data_dir() -> Path:
    """``/var/lib/cloche`` for root, else the XDG data folder."""
    if is_root():
        return Path("/var/lib/cloche")
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "cloche"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
