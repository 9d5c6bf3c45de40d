"""The service as a process of its own: sockets, outages, clients that go away, the end."""

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
from pathlib import Path

import aiohttp
import pytest

from cloche.contracts.tasks import EnqueueAnswer, EnqueueRequest, ExecutorsAnswer, LeaseAnswer, LeaseRequest
from cloche.kit.errors import UnavailableError
from cloche.kit.http_client import ServiceClient

TOKENS = {name: f"token-of-{name}-0123456789" for name in ("api", "worker", "storage")}
PREFIX = "/queue/internal/v1"
#: The works that one replica does alone, and the sessions that hold their locks.
ALONE = ("depth", "reaper", "relay")
HOLDERS = """
SELECT pid, name FROM unnest($1::text[]) name
JOIN pg_locks ON locktype = 'advisory' AND granted
     AND (classid::bigint << 32) | objid::bigint = hashtextextended('cloche.queue.' || name, 0)
WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY name
"""


class Process:
    """``python -m cloche.queue`` on two unix sockets."""

    def __init__(self, folder: Path, dsn: str, redis_url: str) -> None:
        self.folder = folder
        self.internal, self.public = folder / "internal.sock", folder / "public.sock"
        secrets = folder / "secrets.json"
        secrets.write_text(json.dumps({"dsn": dsn, "redis_url": redis_url, "tokens": TOKENS}))
        self._environ = {
            "PATH": os.environ["PATH"],
            "CLOCHE_QUEUE_SECRETS_FILE": str(secrets),
            "CLOCHE_QUEUE_INTERNAL_LISTEN": f"unix:{self.internal}",
            "CLOCHE_QUEUE_PUBLIC_LISTEN": f"unix:{self.public}",
        }

    async def start(self, **environ: str) -> asyncio.subprocess.Process:
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cloche.queue", env={**self._environ, **environ}, stdout=log, stderr=log
            )

    def client(self, caller: str) -> ServiceClient:
        return ServiceClient(f"unix:{self.internal}", TOKENS[caller])


async def answers(client: ServiceClient, request: EnqueueRequest) -> EnqueueAnswer:
    """The first answer that is no 503: the service starts, or recovers."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.post(f"{PREFIX}/enqueue", request, EnqueueAnswer)
            except UnavailableError:
                await asyncio.sleep(0.05)


@pytest.fixture
async def process(owner, database, postgres, redis_urls):
    folder = Path(tempfile.mkdtemp(prefix="cloche-q-", dir="/tmp"))
    sockets = folder / "pg"
    sockets.symlink_to(postgres.server.socket_dir)
    dsn = database.queue.replace(str(postgres.server.socket_dir), str(sockets))
    assert dsn != database.queue
    yield Process(folder, dsn, redis_urls["queue"])
    shutil.rmtree(folder)


async def end(child: asyncio.subprocess.Process) -> int:
    if child.returncode is None:
        child.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(child.wait(), 15)


async def test_it_serves_survives_an_outage_and_ends_cleanly(process, postgres, owner, make):
    child = await process.start()
    try:
        async with process.client("api") as api:
            assert (await answers(api, EnqueueRequest(tasks=[make.task()]))).accepted == 1
            assert stat.S_IMODE(process.internal.stat().st_mode) == 0o600
            sockets = process.folder / "pg"
            sockets.unlink()
            await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cloche_queue'")
            with pytest.raises(UnavailableError, match="PostgreSQL"):
                await api.post(f"{PREFIX}/enqueue", EnqueueRequest(tasks=[make.task()]), EnqueueAnswer)
            sockets.symlink_to(postgres.server.socket_dir)
            assert (await answers(api, EnqueueRequest(tasks=[make.task()]))).accepted == 1
        assert child.returncode is None
    finally:
        assert await end(child) == 0


async def test_sigterm_ends_a_waiting_lease_with_an_empty_answer(process, make):
    child = await process.start()
    try:
        async with process.client("api") as api, process.client("worker") as worker:
            await answers(api, EnqueueRequest(tasks=[make.task(runtime="cobol")]))
            request = LeaseRequest(worker="w1", slots=1, wait_s=30, executors=[make.offer()])
            waiting = asyncio.create_task(worker.post(f"{PREFIX}/lease", request, LeaseAnswer))
            await until_reported(api)
            child.send_signal(signal.SIGTERM)
            assert (await asyncio.wait_for(waiting, 4)).tasks == []
    finally:
        assert await end(child) == 0


async def test_a_client_that_goes_away_while_it_waits_is_given_nothing(process, make, owner):
    child = await process.start()
    try:
        async with process.client("api") as api, process.client("worker") as worker:
            await answers(api, EnqueueRequest(tasks=[]))
            request = LeaseRequest(worker="gone", slots=1, wait_s=30, executors=[make.offer()])
            connector = aiohttp.UnixConnector(str(process.internal))
            async with aiohttp.ClientSession(connector=connector) as session:
                headers = {"Authorization": f"Bearer {TOKENS['worker']}"}
                body = request.model_dump_json()
                call = asyncio.create_task(session.post(f"http://q{PREFIX}/lease", data=body, headers=headers))
                await until_reported(api)
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
            await answers(api, EnqueueRequest(tasks=[make.task()]))
            answer = await worker.post(
                f"{PREFIX}/lease", request.model_copy(update={"worker": "there", "wait_s": 5}), LeaseAnswer
            )
            assert len(answer.tasks) == 1
            assert await owner.fetchval("SELECT worker FROM queue.task") == "there"
    finally:
        assert await end(child) == 0


async def test_what_a_frozen_replica_did_alone_another_does_after_ten_seconds_and_the_first_finds_out(
    process, start_queue, owner, make
):
    child = await process.start()
    try:
        await until(owner, f"SELECT count(*) = 3 FROM ({HOLDERS}) h", ALONE)
        child.send_signal(signal.SIGSTOP)
        async with start_queue(lease_s=2.0) as other:
            await other.enqueue(make.task())
            await other.lease_one()
            await until(owner, "SELECT NOT EXISTS (SELECT FROM queue.task WHERE lease_id IS NOT NULL)")
            await until(owner, "SELECT NOT EXISTS (SELECT FROM queue.outbox)")
            holders = await owner.fetch(HOLDERS, ALONE)
            child.send_signal(signal.SIGCONT)
            await until_logged(process.folder / "log", "single.interrupted", len(ALONE))
            assert await owner.fetch(HOLDERS, ALONE) == holders
            async with process.client("api") as api:
                assert (await answers(api, EnqueueRequest(tasks=[make.task()]))).accepted == 1
    finally:
        child.send_signal(signal.SIGCONT)
        assert await end(child) == 0


async def test_settings_that_would_let_strangers_in_are_refused(process):
    child = await process.start(CLOCHE_QUEUE_PUBLIC_LISTEN="tcp:0.0.0.0:0")
    assert await asyncio.wait_for(child.wait(), 15) == 2
    child = await process.start(CLOCHE_QUEUE_LEASE="3")
    assert await asyncio.wait_for(child.wait(), 15) == 2


async def until_reported(api: ServiceClient) -> None:
    """Return when a lease call has arrived: it reports its executors first."""
    async with asyncio.timeout(10):
        while not (await api.get(f"{PREFIX}/executors", ExecutorsAnswer)).executors:  # noqa: ASYNC110  (another process rings no bell)
            await asyncio.sleep(0.02)


async def until(owner, query: str, *arguments: object) -> None:
    async with asyncio.timeout(30):
        while not await owner.fetchval(query, *arguments):  # noqa: ASYNC110  (PostgreSQL's tables ring no bell)
            await asyncio.sleep(0.05)


async def until_logged(log: Path, event: str, times: int) -> None:
    async with asyncio.timeout(30):
        while (await asyncio.to_thread(log.read_text)).count(event) < times:  # noqa: ASYNC110  (a file rings no bell)
            await asyncio.sleep(0.05)
