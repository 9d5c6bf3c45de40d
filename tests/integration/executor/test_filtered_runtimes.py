"""Runtimes do under the system call filter what ordinary programs do. A new program is a file in ``filtered``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor_under_test import ExecutorProcess, Worker, running_executor, text

from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.contracts.words import Isolation, Network

_RUNTIMES = {".py": "python", ".js": "javascript", ".c": "c", ".java": "java", ".go": "go"}
_PROGRAMS = {path.name: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "filtered").iterdir())}
#: Process cells have no network, no /dev/shm, and not the /tmp where Go's compiler is told to keep its cache.
_NOT_IN_PROCESS_CELLS = {"local_server.py", "local_server.js", "shared_memory.py", "main.go"}
_LIMITS = Limits(wall_time_s=30, cpu_time_s=30, memory_bytes=512 << 20)
_COMPILE_LIMITS = CompileLimits(wall_time_s=60, cpu_time_s=60, memory_bytes=1 << 30)


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutorProcess]:
    """With the runtimes of these programs that the host has, in each tier that it allows."""
    directory, names = tmp_path_factory.mktemp("executor"), list(_RUNTIMES.values())
    with running_executor(directory, runtimes=json.dumps(names), tiers='["process", "namespace"]') as process:
        yield process


@pytest.mark.parametrize("tier", ["namespace", "process"])
@pytest.mark.parametrize("name", _PROGRAMS)
async def test_ordinary_programs_work(worker: Worker, name: str, tier: Isolation) -> None:
    runtime, offer = _RUNTIMES[Path(name).suffix], await worker.offer()
    network: Network = "loopback" if name.startswith("local_server") else "none"
    if tier not in {t.isolation for t in offer.tiers} or (tier == "process" and name in _NOT_IN_PROCESS_CELLS):
        pytest.skip(f"{name} can't run in {tier} here")
    if runtime not in {r.name for r in offer.runtimes}:
        pytest.skip(f"no {runtime} here")
    source = File(path=name, content=_PROGRAMS[name])
    record = await worker.record(
        Program(
            runtime=runtime,
            files=[source],
            entrypoint=name,
            isolation=tier,
            network=network,
            limits=_LIMITS,
            compile_limits=_COMPILE_LIMITS,
        )
    )
    compiling = text(record.compile.output) if record.compile else ""
    said = (record.verdict, compiling, text(record.stderr.data), text(record.stdout.data))
    assert "\n".join(said) == "accepted\n\n\ndone\n"
