"""API, queue, worker and storage as real processes on real servers; only the executor is scripted."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import redis

from cloche.stack.valkey_server import ValkeyServer

from .scripted_executor import TOKEN, ScriptedExecutor

DEFAULT_LIMITS = httpx.Limits()
MODULES = {
    "queue": ("cloche.queue", "CLOCHE_QUEUE_"),
    "storage": ("cloche.storage", "CLOCHE_STORAGE_"),
    "storage2": ("cloche.storage", "CLOCHE_STORAGE_"),
    "worker": ("cloche.worker", "CLOCHE_WORKER_"),
    "web": ("cloche.stack.web", "CLOCHE_API_"),
}


@dataclass
class Platform:
    """The running services, each to be ended and started again."""

    folder: Path
    settings: dict[str, dict[str, Any]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])
    #: Whether a test has taken events away.
    lost_events: bool = False

    def start(self, name: str) -> None:
        module, prefix = MODULES[name]
        secrets_file = self.folder / f"{name}.json"
        secrets_file.write_text(json.dumps(self.settings[name]))
        log = (self.folder / f"{name}.log").open("ab")
        environment = {"PATH": os.environ["PATH"], f"{prefix}SECRETS_FILE": str(secrets_file)}
        with log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def end(self, name: str, number: signal.Signals) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def restart(self, name: str) -> None:
        """kill -9, then start anew."""
        self.end(name, signal.SIGKILL)
        self.start(name)

    def log_of(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def client(self, *, limits: httpx.Limits = DEFAULT_LIMITS, **changes: Any) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.folder / "web.sock"), limits=limits)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60, **changes)


def make_settings(folder: Path, database: Any, redis_urls: dict[str, str]) -> dict[str, dict[str, Any]]:
    tokens = {caller: secrets.token_urlsafe(24) for caller in ("api", "worker", "storage")}
    internal, public = f"unix:{folder}/qi.sock", f"unix:{folder}/qp.sock"
    return {
        "queue": {
            "dsn": database.queue,
            "redis_url": redis_urls["queue"],
            "tokens": tokens,
            "internal_listen": internal,
            "public_listen": public,
            "lease_s": 3,
        },
        "storage": {
            "dsn": database.storage,
            "redis_url": redis_urls["storage"],
            "queue": internal,
            "queue_token": tokens["storage"],
            "listen": f"unix:{folder}/s.sock",
            "reconcile_s": 0.5,
        },
        "worker": {
            "redis_url": redis_urls["worker"],
            "queue": internal,
            "queue_token": tokens["worker"],
            "listen": f"unix:{folder}/w.sock",
            "executors": [{"name": "scripted", "address": f"unix:{folder}/x.sock", "token": TOKEN}],
            "heartbeat_s": 0.5,
            "drain_s": 5,
        },
        "web": {
            "dsn": database.api,
            "redis_url": redis_urls["api"],
            "queue": internal,
            "queue_token": tokens["api"],
            "queue_public": public,
            "listen": f"unix:{folder}/web.sock",
        },
    }


@pytest.fixture(scope="module")
def redis_urls(valkey: ValkeyServer) -> dict[str, str]:
    """Each service's user of an emptied Valkey; the services of a module share it."""
    with redis.Redis.from_url(valkey.url("owner")) as client:
        client.flushall()
    return {user: valkey.url(user) for user in ("api", "queue", "worker", "storage")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ScriptedExecutor]:
    scripted = ScriptedExecutor(tmp_path_factory.mktemp("p") / "x.sock")
    async with scripted.serving():
        yield scripted


@pytest.fixture(scope="module")
def platform(executor: ScriptedExecutor, database: Any, redis_urls: dict[str, str]) -> Iterator[Platform]:
    folder = executor.path.parent
    running = Platform(folder, make_settings(folder, database, redis_urls))
    for name in running.settings:
        running.start(name)
    try:
        yield running
        for name in running.settings:
            log = running.log_of(name)
            assert '"http.defect"' not in log
            assert '"background.defect"' not in log
            assert "NoPermissionError" not in log
            assert running.lost_events or '"storage.reconciled"' not in log, (
                "an event was lost that nothing should have lost"
            )
    finally:
        for name in list(running.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.end(name, signal.SIGTERM)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API, once it offers python."""
    async with platform.client() as client:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.get("/api/v1/runtimes")
                    if answer.status_code == 200 and answer.json()["runtimes"]:
                        break
                await asyncio.sleep(0.05)
        yield client
