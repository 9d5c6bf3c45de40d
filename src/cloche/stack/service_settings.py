"""What each service is told: one object of settings, which becomes its own 0600 file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloche.stack.credentials import Credentials
from cloche.stack.options import StackOptions
from cloche.stack.sockets import Sockets


@dataclass(frozen=True, slots=True)
class ServiceSettingsSource:
    """Everything from which the services' settings are made.

    ``dsn`` has one entry a service with a PostgreSQL role, ``redis_url`` one a Redis user.
    """

    options: StackOptions
    credentials: Credentials
    dsn: dict[str, str]
    redis_url: dict[str, str]
    sockets: Sockets
    cgroup_roots: tuple[str, ...]
    web_dist: Path | None
    added_runtimes: Path

    def settings_of(self, name: str) -> dict[str, Any]:
        """The settings of one service, without where it listens."""
        maker = {
            "queue": self._queue,
            "storage": self._storage,
            "executor": self._executor,
            "worker": self._worker,
            "web": self._web,
            "dockerproxy": self._dockerproxy,
        }[name]
        return maker()

    def _queue(self) -> dict[str, Any]:
        tokens = {caller: self.credentials.tokens[caller] for caller in ("api", "worker", "storage")}
        return {**self._stores("queue"), "tokens": tokens, **self._people()}

    def _storage(self) -> dict[str, Any]:
        return {**self._stores("storage"), **self._queue_access("storage")}

    def _executor(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "worker_token": self.credentials.tokens["executor"],
            "engine": self.options.engine,
            "cgroup_roots": list(self.cgroup_roots),
            "extra_runtimes_dir": str(self.added_runtimes),
        }
        if self.options.engine == "docker":
            settings["docker_proxy"] = self._unix("dockerproxy")
            settings["docker_token"] = self.credentials.tokens["dockerproxy"]
        return settings

    def _worker(self) -> dict[str, Any]:
        executor = {
            "name": "local",
            "address": self._unix("executor"),
            "token": self.credentials.tokens["executor"],
        }
        return {
            "redis_url": self.redis_url["worker"],
            **self._queue_access("worker"),
            "executors": [executor],
        }

    def _web(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            **self._stores("api"),
            **self._queue_access("api"),
            "queue_public": self._unix("queue-public"),
            "default_isolation": self.options.default_isolation,
            **self._people(),
        }
        if self.web_dist is not None:
            settings["web_dist"] = str(self.web_dist)
        return settings

    def _dockerproxy(self) -> dict[str, Any]:
        """Stacks that share an Engine must not take over each other's containers: each names its own."""
        digest = hashlib.sha256(str(self.options.data_dir).encode()).hexdigest()[:12]
        return {"token": self.credentials.tokens["dockerproxy"], "instance": f"cloche-{digest}"}

    def _people(self) -> dict[str, Any]:
        return {"require_keys": self.options.require_keys, "hosts": list(self.options.hosts)}

    def _stores(self, service: str) -> dict[str, Any]:
        return {"dsn": self.dsn[service], "redis_url": self.redis_url[service]}

    def _queue_access(self, caller: str) -> dict[str, Any]:
        return {"queue": self._unix("queue-internal"), "queue_token": self.credentials.tokens[caller]}

    def _unix(self, name: str) -> str:
        return f"unix:{self.sockets.path(name)}"
