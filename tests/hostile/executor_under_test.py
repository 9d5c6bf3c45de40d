"""The real Executor Service in a process of its own, on a unix socket; and a worker's view of it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cloche.contracts.execution import ExecutionRequest, ExecutorOffer, FailedLine, FinishedLine
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import File, Program
from cloche.contracts.words import LeaseId
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7

TOKEN = "a worker's token"
#: An emulated machine takes minutes over the self-tests.
_READY_S = 200
SUFFIX = {"python": "py", "bash": "sh", "c": "c", "javascript": "js"}


def program(source: str, *, runtime: str = "python", **changed: Any) -> Program:
    name = f"main.{SUFFIX[runtime]}"
    values: dict[str, Any] = {"limits": Limits(), "compile_limits": CompileLimits()} | changed
    return Program(runtime=runtime, files=[File(path=name, content=source)], entrypoint=name, **values)


class Ready(BaseModel):
    """What ``/readyz`` answers."""

    status: str


def text(data: str | None) -> str:
    return b64decode(data or "").decode("utf-8", "replace")


class Worker:
    """Calls the executor as the Queue Worker does."""

    def __init__(self, client: ServiceClient) -> None:
        self.client = client

    async def lines(
        self, wanted: Program, *, lease: LeaseId | None = None, deadline_s: float = 60
    ) -> AsyncGenerator[Any, None]:
        """Every line as JSON, as it comes; closing the iterator ends the connection."""
        request = ExecutionRequest(execution_id=lease or LeaseId(uuid7()), deadline_s=deadline_s, program=wanted)
        answer = await self.client.open_stream("/executor/v1/executions", request, idle_s=60)
        try:
            buffered = b""
            async for piece in answer.content.iter_any():
                *whole, buffered = (buffered + piece).split(b"\n")
                for line in whole:
                    yield json.loads(line)
        finally:
            answer.close()

    async def offer(self) -> ExecutorOffer:
        return await self.client.get("/executor/v1/offer", ExecutorOffer)

    async def all_lines(self, wanted: Program, **options: Any) -> list[Any]:
        return [line async for line in self.lines(wanted, **options)]

    async def record(self, wanted: Program) -> ExecutionRecord:
        last = (await self.all_lines(wanted))[-1]
        return FinishedLine.model_validate(last).record

    async def until_idle(self) -> None:
        """Wait until all slots are free: the service hears of a closed connection, and tells nobody of a free slot."""
        async with asyncio.timeout(10):
            while (await self.offer()).busy:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.01)

    async def failed(self, wanted: Program, **options: Any) -> FailedLine:
        return FailedLine.model_validate((await self.all_lines(wanted, **options))[-1])


@dataclass
class ExecutorProcess:
    """A running ``python -m cloche.executor``."""

    pid: int
    socket: Path

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        async with ServiceClient(f"unix:{self.socket}", TOKEN) as client:
            yield Worker(client)


def spawn_executor(
    directory: Path,
    *,
    command: Sequence[str] = ("-m", "cloche.executor"),
    extra: Mapping[str, str] | None = None,
    inherited: Sequence[int] = (),
    **changed: str,
) -> tuple[subprocess.Popen[bytes], ExecutorProcess]:
    """Start the service; it may not be ready yet.

    ``command`` is what Python runs, ``extra`` are variables and ``inherited`` descriptors on top, ``changed`` settings.
    """
    socket = directory / "x.sock"
    values = {"listen": f"unix:{socket}", "slots": "4", "runtimes": '["bash", "c", "python"]', "name": "under-test"}
    # A cell that waits for a program would count as one that was left.
    values |= {"ready_cells": "0"}
    values |= {"worker_token": TOKEN, "drain_s": "5"} | changed
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment |= {f"CLOCHE_EXECUTOR_{name.upper()}": value for name, value in values.items()}
    environment |= extra or {}
    with (directory / "executor.log").open("wb") as output:
        process = subprocess.Popen([sys.executable, *command], env=environment, stderr=output, pass_fds=inherited)
    return process, ExecutorProcess(process.pid, socket)


@contextlib.contextmanager
def running_executor(directory: Path, **changed: Any) -> Iterator[ExecutorProcess]:
    """``spawn_executor``, ready once its self-tests are done, ended by SIGTERM."""
    process, running = spawn_executor(directory, **changed)
    try:
        try:
            asyncio.run(until_checked(running.socket, process))
        except TimeoutError:
            pytest.fail((directory / "executor.log").read_text(encoding="utf-8")[-6000:])
        yield running
    finally:
        process.terminate()
        code = process.wait(30)
    assert code == 0, (directory / "executor.log").read_text(encoding="utf-8")[-2000:]


async def until_checked(socket: Path, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(_READY_S), ServiceClient(f"unix:{socket}", TOKEN) as client:
        while process.poll() is None:
            with contextlib.suppress(ClocheError):
                await client.get("/readyz", Ready)
                return
            await asyncio.sleep(0.05)  # the process tells nobody when it is ready
    raise AssertionError("the executor ended at start")
