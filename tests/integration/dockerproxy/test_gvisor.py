"""What is otherwise where an Engine's containers run on gVisor: limits held inside, room for its kernel outside."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from attack import ORDER as FIELDS

from cloche.contracts.execution import FinishedLine, RuntimeOffer
from cloche.contracts.limits import MIB, CompileLimits, Limits
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import File, Program
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.docker.proxy_client import ContainerOrder
from cloche.executor.execution import Execution, Ready, ReadyRuntime
from cloche.executor.outbox import Outbox
from cloche.executor.runtimes import load_runtimes
from cloche.kit.errors import OverloadedError
from cloche.kit.ids import uuid7

pytestmark = pytest.mark.docker

ORDER = ContainerOrder(**FIELDS)
KERNEL_BYTES = 128 * MIB
LIMITS = Limits(memory_bytes=64 * MIB, disk_bytes=256 * MIB, file_bytes=256 * MIB, processes=5)


@pytest.fixture
async def engine(gvisor_proxy: str) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(gvisor_proxy, owner="gvisor-test")
    await made.start()
    yield made
    await made.close()


async def record_of(engine: DockerEngine, source: str, limits: Limits = LIMITS) -> ExecutionRecord:
    (python,) = load_runtimes(only=("python",))
    files = [File(path=python.source_file, content=source)]
    program = Program(
        runtime="python",
        files=files,
        entrypoint=python.source_file,
        limits=limits,
        compile_limits=CompileLimits(),
    )
    ready = ReadyRuntime(RuntimeOffer(name="python", version="3"), python, (await engine.toolchains(python))[0])
    (tier,) = engine.tiers
    line = await Execution(f"test-{uuid7()}", program, Ready(ready), engine, tier, Outbox()).run(60)
    assert isinstance(line, FinishedLine), line
    return line.record


async def test_memory_taken_faster_than_it_is_sampled_ends_the_cell_as_over_its_limit(engine: DockerEngine) -> None:
    """The cgroup ends gVisor's kernel and all in it; the Engine's word on why is the verdict."""
    source = "import mmap; mmap.mmap(-1, 700 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)"
    record = await record_of(engine, source)
    assert (record.verdict, record.isolation) == ("memory_limit_exceeded", "gvisor")
    assert (record.evidence.killed_by, record.evidence.oom_kills) == ("kernel", 1)


@pytest.mark.parametrize(
    "place", ["open('file', 'wb')", "open(os.memfd_create('x'), 'wb')", "open('/dev/shm/f', 'wb')"]
)
async def test_files_in_memory_count(engine: DockerEngine, place: str) -> None:
    source = f"""
import os, time
kept = b"x" * (50 << 20)
with {place} as file:
    for _ in range(40): file.write(b"x" * (1 << 20)); file.flush(); time.sleep(0.01)
    time.sleep(0.5)
"""
    assert (await record_of(engine, source)).verdict == "memory_limit_exceeded"


async def test_memory_that_is_only_set_aside_does_not_count(engine: DockerEngine) -> None:
    source = """
import threading, time
for _ in range(60): threading.Thread(target=time.sleep, args=(0.2,)).start()
"""
    record = await record_of(engine, source, LIMITS.model_copy(update={"processes": 64}))
    assert record.verdict == "accepted"
    assert 1 * MIB < record.usage.peak_memory_bytes < 50 * MIB


async def test_processes_and_threads_are_counted_exactly(engine: DockerEngine) -> None:
    source = """
import os, threading, time
made = 0
try:
    for _ in range(9):
        if made < 2:
            if os.fork() == 0: time.sleep(60)
        else: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except (OSError, RuntimeError): print(made, flush=True)
os._exit(0)
"""
    record = await record_of(engine, source)
    assert record.stdout.data == "NAo="  # "4\n": with the first process there are five


async def test_the_kernels_memory_is_reserved_too_and_given_back(start_proxy: Callable[..., Any]) -> None:
    total = 2 * (ORDER.memory_bytes + KERNEL_BYTES)
    proxy = start_proxy(RUNTIME="runsc", MAX_TOTAL_MEMORY_BYTES=str(total))
    first, second = await proxy.client.create(ORDER), await proxy.client.create(ORDER)
    for _ in range(2):
        with pytest.raises(OverloadedError):
            await proxy.client.create(ORDER)
        proxy.restart()
    await proxy.client.delete(first)
    await proxy.client.delete(second)
