"""Lease and complete in batches of ten over the Queue Service's HTTP, beside pgbench with the bare statements.

    python benchmarks/queue_statements.py [--tasks 4000] [--rounds 5]

Both on one PostgreSQL, in turns, with two callers each. pgbench runs ``lease_turn.sql`` and ``lease.sql`` in a
transaction, then ``finish.sql``, all prepared. Over HTTP two coroutines of one process call ``POST /lease`` and
``POST /complete:batch``: for these the service runs the same two statements in one function, which a test holds to the
files, and the same third, and tells Redis of every lease and end meanwhile. What there is to tell of pgbench's tasks it
tells beside pgbench. The caller does as little as it can, as pgbench does: it writes bytes and reads JSON. Beside it
stands what a worker's client reaches, which checks all that it says and hears.

The tasks are of a runtime that no worker offers, so nobody else leases them. Only the Queue Service, PostgreSQL and
Redis run meanwhile: what the rest of the platform does about a round it does between rounds, or pgbench's would be
paid for in HTTP's.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import uvloop
from rich.console import Console
from rich.table import Table
from stack import Stack, started_stack

from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import Evidence, ExecutionRecord, StreamSummary, TerminalRecord
from cloche.contracts.submission import File, Program
from cloche.contracts.tasks import (
    CompletedGroup,
    CompleteGroup,
    CompleteRequest,
    EnqueueAnswer,
    EnqueueRequest,
    LeaseAnswer,
    LeaseRequest,
    NewTask,
)
from cloche.contracts.words import EvaluationId
from cloche.kit.clock import iso_now
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7
from cloche.kit.postgres import load_sql
from cloche.queue.wire import ENOUGH_BYTES

console = Console(highlight=False)
PGBENCH: Final = "/usr/lib/postgresql/15/bin/pgbench"
INTERNAL: Final = "/queue/internal/v1"
#: The issue's bound.
LEAST_OF_PGBENCH: Final = 0.5
BATCH, CALLERS = 10, 2
#: How long storage gets for what it was told, after the last of it was published.
QUIET_S: Final = 5.0
RUNTIME: Final = "bare"
OFFER: Final = ExecutorOffer(
    name="bare",
    engine="local",
    isolation="namespace",
    slots=BATCH,
    busy=0,
    healthy=True,
    runtimes=[RuntimeOffer(name=RUNTIME, version="1")],
)


def new_tasks(count: int) -> EnqueueRequest:
    """Waiting work of one tenant."""
    file = File(path="main.py", content="print(sum(range(10)))\n")
    program = Program(
        runtime=RUNTIME, files=[file], entrypoint="main.py", limits=Limits(), compile_limits=CompileLimits()
    )
    return EnqueueRequest(
        tasks=[
            NewTask(
                evaluation_id=EvaluationId(uuid7()),
                tenant="default",
                runtime=RUNTIME,
                isolation="namespace",
                program=program,
            )
            for _ in range(count)
        ]
    )


def record() -> TerminalRecord:
    """How each task ends."""
    evidence = Evidence(source="exit")
    execution = ExecutionRecord(
        verdict="accepted",
        evidence=evidence,
        runtime=f"{RUNTIME}@1",
        engine="local",
        isolation="namespace",
        stdout=StreamSummary(bytes=3, kept=3, data="NDUK"),
    )
    return TerminalRecord(
        verdict="accepted",
        evidence=evidence,
        attempt=1,
        execution=execution,
        leased_at=iso_now(),
        finished_at=iso_now(),
    )


class Caller:
    """A connection to the service on which one call follows another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = f"HTTP/1.1\r\nHost: queue\r\nAuthorization: Bearer {token}\r\n"

    async def post(self, call: str, body: bytes) -> Any:
        """The answer of ``POST <call>``."""
        head = f"POST {INTERNAL}/{call} {self._head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        status, *fields = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        (length,) = (field.partition(b": ")[2] for field in fields if field.startswith(b"content-length:"))
        answer = await self._reader.readexactly(int(length))
        assert status == b"http/1.1 200 ok", answer
        return orjson.loads(answer)


async def by_http(address: str, token: str, count: int) -> float:
    """Lease and complete ``count`` tasks; how many a second."""
    order, ended = lease_request().model_dump_json().encode(), orjson.Fragment(record().model_dump_json())

    async def caller() -> None:
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        service = Caller(reader, writer, token)
        for _ in range(count // BATCH // CALLERS):
            tasks = (await service.post("lease", order))["tasks"]
            ends = [{key: task[key] for key in ("evaluation_id", "lease_id")} | {"record": ended} for task in tasks]
            done = (await service.post("complete:batch", orjson.dumps({"completions": ends})))["done"]
            assert len(tasks) == len(done) == BATCH
        writer.close()

    return await _rate(caller, count)


async def by_workers_client(address: str, token: str, count: int) -> float:
    """As ``by_http``."""
    ended = record()

    async def caller(service: ServiceClient) -> None:
        for _ in range(count // BATCH // CALLERS):
            tasks = (await service.post(f"{INTERNAL}/lease", lease_request(), LeaseAnswer)).tasks
            ends = [
                CompleteRequest(evaluation_id=task.evaluation_id, lease_id=task.lease_id, record=ended)
                for task in tasks
            ]
            told = await service.post(f"{INTERNAL}/complete:batch", CompleteGroup(completions=ends), CompletedGroup)
            assert len(tasks) == len(told.done) == BATCH, told

    async with ServiceClient(address, token) as service:
        return await _rate(partial(caller, service), count)


async def _rate(caller: Callable[[], Awaitable[None]], count: int) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return count / (time.perf_counter() - begun)


def lease_request() -> LeaseRequest:
    """For as many tasks as one that cannot wait may have."""
    return LeaseRequest(worker="bare", slots=BATCH, wait_s=0, executors=[OFFER])


def script() -> str:
    """The same statements for pgbench: a lease in its transaction, and the end of what it gave."""
    turn = _statements("lease_turn")
    lease, _, _ = _statements("lease").rpartition("SELECT evaluation_id, lease_id, attempt")
    lease += "SELECT array_agg(evaluation_id) AS ids, array_agg(lease_id) AS leases FROM leased"
    for name, value in (
        ("$1", f"ARRAY['{RUNTIME}', '{RUNTIME}@1']"),
        ("$2", "ARRAY[2, 2]::smallint[]"),
        ("$3", str(BATCH)),
        ("$4", "'30 s'"),
        ("$5", "'bare'"),
        ("$6", str(ENOUGH_BYTES)),
    ):
        lease = lease.replace(name, value)
    finish = _statements("finish")
    written = record().model_dump_json().encode().hex()
    for name, value in (
        ("$1", ":ids"),
        ("$2", ":leases"),
        ("$3", _each("1")),
        ("$4", _each("'accepted'::text")),
        ("$5", _each("'completed'::text")),
        ("$6", _each("''::text")),
        ("$7", _each(f"decode('{written}', 'hex')")),
        ("$8", _each("''::text")),
    ):
        finish = finish.replace(name, value)
    statements = ["BEGIN;", *(f"{one.strip()};" for one in turn.split(";") if one.strip()), lease + " \\gset"]
    return "\n".join([*statements, "COMMIT;", finish + ";"])


def _statements(name: str) -> str:
    """Without what pgbench would have to understand: comments, and colons that begin no variable."""
    lines = load_sql("cloche.queue", name).splitlines()
    text = "\n".join(line for line in lines if not line.strip().startswith("--"))
    return text.replace("HH24:MI:SS", "HH24' || chr(58) || 'MI' || chr(58) || 'SS")


def _each(value: str) -> str:
    return f"array_fill({value}, ARRAY[{BATCH}])"


async def by_pgbench(dsn: str, path: Path, count: int) -> float:
    """Lease and complete ``count`` tasks; how many a second."""
    turns = count // BATCH // CALLERS
    options = ["--no-vacuum", "--protocol=prepared", f"--client={CALLERS}", "--jobs=1", f"--transactions={turns}"]
    command = [PGBENCH, *options, f"--file={path}", dsn]
    ended = await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.PIPE, text=True)
    said = ended.stdout
    (rate,) = (line.split()[2] for line in said.splitlines() if line.startswith("tps"))
    assert f"processed: {turns * CALLERS}/{turns * CALLERS}" in said, said
    return float(rate) * BATCH


async def tasks_left(dsn: str) -> int:
    """How many were not completed."""
    session = await asyncpg.connect(dsn)
    try:
        return await session.fetchval("SELECT count(*) FROM queue.task WHERE runtime = $1", RUNTIME)
    finally:
        await session.close()


@contextlib.contextmanager
def others_stopped(stack: Stack) -> Iterator[None]:
    """Every part that neither leases nor completes stands still."""
    pids = [pid for name, pid in stack.pids().items() if name not in {"queue", "postgres", "valkey"}]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def all_told(dsn: str) -> None:
    """Return once what the rounds before gave others to do is done."""
    session = await asyncpg.connect(dsn)
    try:
        while await session.fetchval("SELECT count(*) FROM queue.outbox"):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.2)
    finally:
        await session.close()
    await asyncio.sleep(QUIET_S)


def settings_of(stack: Stack, part: str) -> dict[str, Any]:
    """What a part of the stack was started with."""
    return json.loads((stack.data_dir / "secrets" / f"{part}.json").read_text())


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with started_stack() as stack, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lease_and_finish.sql"
        path.write_text(script())
        queue, worker = settings_of(stack, "queue"), settings_of(stack, "worker")
        bare = partial(by_pgbench, queue["dsn"], path)
        ways: dict[str, Callable[[int], Awaitable[float]]] = {
            "pgbench": bare,
            "pgbench again (null row)": bare,
            "HTTP": partial(by_http, worker["queue"], worker["queue_token"]),
            "HTTP, a worker's client": partial(by_workers_client, worker["queue"], worker["queue_token"]),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        async with ServiceClient(worker["queue"], queue["tokens"]["api"]) as api:
            for _ in range(options.rounds):
                for name, way in ways.items():
                    await api.post(f"{INTERNAL}/enqueue", new_tasks(options.tasks), EnqueueAnswer)
                    await all_told(queue["dsn"])
                    with others_stopped(stack):
                        rates[name].append(await way(options.tasks))
                    assert await tasks_left(queue["dsn"]) == 0, name
    table = Table("tasks leased and completed a second", "median", "least", "most", "of pgbench", "bound")
    base = statistics.median(rates["pgbench"])
    for name, found in rates.items():
        median = statistics.median(found)
        bound = f"≥ {LEAST_OF_PGBENCH:g}" if name == "HTTP" else ""
        table.add_row(name, f"{median:.0f}", f"{min(found):.0f}", f"{max(found):.0f}", f"{median / base:.2f}", bound)
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(main(parser.parse_args()))
