"""The Executor Service over HTTP: streams, verdicts, cases, cancel, lease, limits of the service itself."""

import asyncio
import hashlib
import os
import signal
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from executor_under_test import TOKEN, ExecutorProcess, Worker, program, running_executor, text

from cloche.contracts.execution import ExecutorOffer, ExtendAnswer, ExtendRequest
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, File, FloatCompare
from cloche.contracts.words import LeaseId
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError, UnauthenticatedError
from cloche.kit.http_client import ServiceClient
from cloche.kit.ids import uuid7


async def test_short_run_sends_two_lines_and_its_output_inline(worker: Worker) -> None:
    lines = await worker.all_lines(program("print('hi')"))
    assert [line["type"] for line in lines] == ["started", "finished"]
    record = lines[-1]["record"]
    assert (record["verdict"], record["exit_code"]) == ("accepted", 0)
    assert text(record["stdout"]["data"]) == "hi\n"
    assert record["stdout"]["sha256"] == hashlib.sha256(b"hi\n").hexdigest()
    assert record["usage"]["cpu_time_ms"] > 0
    assert record["usage"]["peak_memory_bytes"] > 1_000_000


async def test_output_lines_come_while_the_program_runs(worker: Worker) -> None:
    source = "import sys, time\nprint('first')\ntime.sleep(60)"
    async for line in worker.lines(program(source, limits=Limits(wall_time_s=60))):
        if line["type"] == "output":
            assert text(line["data"]) == "first\n"
            break
        assert line["type"] == "started"
    else:
        pytest.fail("the run ended without a line")


async def test_lines_and_inline_data_cover_the_output_without_gap(worker: Worker) -> None:
    source = "import sys, time\nfor i in range(40):\n    print('x' * 5000, i); time.sleep(0.01)"
    lines = await worker.all_lines(program(source))
    received = bytearray()
    for line in (line for line in lines if line["type"] == "output"):
        assert line["offset"] == len(received)
        received += b64decode(line["data"])
    summary = lines[-1]["record"]["stdout"]
    assert summary["data"] is None
    assert len(received) == summary["kept"] == summary["bytes"]
    assert hashlib.sha256(received).hexdigest() == summary["sha256"]


async def test_output_over_the_limit_is_cut_and_counted(worker: Worker) -> None:
    record = await worker.record(program("import os; os.write(1, b'y' * 5000)", limits=Limits(output_bytes=1000)))
    assert record.verdict == "output_limit_exceeded"
    assert (record.stdout.kept, record.stdout.bytes) == (1000, 5000)
    assert record.evidence.limit == "output_bytes"


async def test_exit_status_and_signal_are_runtime_errors(worker: Worker) -> None:
    record = await worker.record(program("raise SystemExit(3)"))
    assert (record.verdict, record.exit_code, record.evidence.source) == ("runtime_error", 3, "exit")
    record = await worker.record(program("import os; os.abort()"))
    assert (record.verdict, record.signal, record.evidence.detail) == ("runtime_error", 6, "SIGABRT")


async def test_compile_error_carries_what_the_compiler_said(worker: Worker) -> None:
    record = await worker.record(program("int main(void) { return nothing; }", runtime="c", cases=[Case(), Case()]))
    assert record.verdict == "compile_error"
    assert record.compile is not None
    assert "nothing" in text(record.compile.output)
    assert [case.verdict for case in record.cases] == [None, None]


async def test_compiler_has_limits_of_its_own(worker: Worker) -> None:
    source = '#include <stdio.h>\nint main(void) { puts("fits"); }'
    limits = Limits(memory_bytes=16 * 1024 * 1024)
    record = await worker.record(program(source, runtime="c", limits=limits))
    assert (record.verdict, text(record.stdout.data)) == ("accepted", "fits\n")
    short = CompileLimits(cpu_time_s=0.001, wall_time_s=0.001)
    record = await worker.record(program(source, runtime="c", compile_limits=short))
    assert (record.verdict, record.evidence.source) == ("compile_error", "limit")


async def test_cases_are_graded_apart_and_the_first_failure_decides(worker: Worker) -> None:
    cases = [
        Case(name="double", stdin="2\n", expected_stdout="4"),
        Case(name="wrong", stdin="3\n", expected_stdout="7"),
        Case(name="crash", stdin="x\n", expected_stdout=""),
        Case(name="tokens", stdin="5\n", expected_stdout=" 10", compare="tokens"),
        Case(name="float", stdin="0.1\n", expected_stdout="0.2000001", compare=FloatCompare(float=1e-3)),
        Case(name="exact", stdin="1\n", expected_stdout="2", compare="exact"),
    ]
    source = "x = input(); print((float if '.' in x else int)(x) * 2)"
    lines = await worker.all_lines(program(source, cases=cases))
    verdicts = ["accepted", "wrong_answer", "runtime_error", "accepted", "accepted", "wrong_answer"]
    assert [line["case"]["verdict"] for line in lines if line["type"] == "case.finished"] == verdicts
    record = lines[-1]["record"]
    assert record["verdict"] == "wrong_answer"
    assert [case["verdict"] for case in record["cases"]] == verdicts
    spans = [case["stdout"] for case in record["cases"]]
    assert [span["offset"] for span in spans] == [0, 2, 4, 4, 7, 11]
    assert text(record["stdout"]["data"])[spans[4]["offset"] :][: spans[4]["kept"]] == "0.2\n"


async def test_output_of_all_cases_is_kept_only_up_to_the_limit(worker: Worker) -> None:
    cases = [Case(expected_stdout="z" * 600) for _ in range(3)]
    record = await worker.record(program("print('z' * 600)", cases=cases, limits=Limits(output_bytes=1000)))
    assert record.verdict == "accepted"
    assert (record.stdout.kept, record.stdout.bytes) == (1000, 1803)
    assert [(c.stdout.offset, c.stdout.kept, c.stdout.bytes) for c in record.cases] == [
        (0, 601, 601),
        (601, 399, 601),
        (1000, 0, 601),
    ]


async def test_kill_ends_the_run_as_cancelled_with_its_output(worker: Worker) -> None:
    lease = LeaseId(uuid7())
    last = None
    wanted = program("import time; print('on'); time.sleep(60)", limits=Limits(wall_time_s=60), cases=[Case(), Case()])
    async for line in worker.lines(wanted, lease=lease):
        last = line
        if line["type"] == "output":
            await worker.client.post_nothing(f"/executor/v1/executions/{lease}/kill", ExtendRequest(execution_ids=[]))
    assert last is not None
    assert last["type"] == "finished"
    assert last["record"]["verdict"] == "cancelled"
    assert text(last["record"]["stdout"]["data"]) == "on\n"
    assert [case["verdict"] for case in last["record"]["cases"]] == ["cancelled", None]
    with pytest.raises(NotFoundError):
        await worker.client.post_nothing(f"/executor/v1/executions/{lease}/kill", ExtendRequest(execution_ids=[]))


async def test_run_fails_when_its_lease_ends(worker: Worker) -> None:
    failed = await worker.failed(program("import time; time.sleep(30)", limits=Limits(wall_time_s=30)), deadline_s=1)
    assert (failed.reason, failed.started) == ("deadline", True)


async def test_extended_lease_keeps_the_run_going(worker: Worker) -> None:
    lease = LeaseId(uuid7())
    wanted = program("import time; print('on'); time.sleep(2)", limits=Limits(wall_time_s=30))
    last = None
    async for line in worker.lines(wanted, lease=lease, deadline_s=1.5):
        last = line
        if line["type"] == "output":
            request = ExtendRequest(execution_ids=[lease, LeaseId(uuid7())], deadline_s=30)
            answer = await worker.client.post("/executor/v1/executions/extend", request, ExtendAnswer)
            assert answer.extended == [lease]
    assert last is not None
    assert last["type"] == "finished"


async def test_run_ends_with_the_workers_connection(worker: Worker) -> None:
    lease = LeaseId(uuid7())
    async for line in worker.lines(program("import time; time.sleep(60)", limits=Limits(wall_time_s=60)), lease=lease):
        assert line["type"] == "started"
        break
    await worker.until_idle()


async def test_more_than_the_slots_is_overloaded(worker: Worker) -> None:
    busy = [worker.lines(program("import time; time.sleep(60)", limits=Limits(wall_time_s=60))) for _ in range(4)]
    for stream in busy:
        assert (await anext(stream))["type"] == "started"
    failed = await worker.failed(program("print(1)"))
    assert (failed.reason, failed.started) == ("overloaded", False)
    for stream in busy:
        await stream.aclose()


async def test_what_is_not_offered_is_unsupported(worker: Worker) -> None:
    assert (await worker.failed(program("print(1)").model_copy(update={"runtime": "cobol"}))).reason == "unsupported"
    assert (await worker.failed(program("print(1)", isolation="vm"))).reason == "unsupported"
    assert (await worker.failed(program("1").model_copy(update={"runtime": "python@2"}))).reason == "unsupported"


async def test_request_that_can_not_run_is_refused_before_a_cell(worker: Worker) -> None:
    with pytest.raises(InvalidRequestError):
        await worker.record(program("print(1)", args=["a\0b"]))
    broken = program("print(1)")
    broken.files[0] = broken.files[0].model_copy(update={"content": "!", "encoding": "base64"})
    with pytest.raises(InvalidRequestError):
        await worker.record(broken)


async def test_same_execution_twice_at_once_is_a_conflict(worker: Worker) -> None:
    lease = LeaseId(uuid7())
    wanted = program("import time; time.sleep(60)", limits=Limits(wall_time_s=60))
    stream = worker.lines(wanted, lease=lease)
    await anext(stream)
    with pytest.raises(ConflictError):
        await worker.all_lines(wanted, lease=lease)
    await stream.aclose()


async def test_callers_without_the_token_are_refused(executor: ExecutorProcess) -> None:
    async with ServiceClient(f"unix:{executor.socket}", TOKEN + "x") as stranger:
        with pytest.raises(UnauthenticatedError):
            await stranger.get("/executor/v1/offer", ExecutorOffer)


async def test_offer_names_what_passed_its_self_test(worker: Worker) -> None:
    offer = await worker.client.get("/executor/v1/offer", ExecutorOffer)
    assert {runtime.name for runtime in offer.runtimes} == {"bash", "c", "python"}
    assert (offer.engine, offer.isolation, offer.healthy, offer.slots) == ("local", "namespace", True, 4)
    assert all(runtime.version[0].isdigit() for runtime in offer.runtimes)


async def test_runtime_that_fails_its_self_test_is_refused_with_the_reason(tmp_path: Path) -> None:
    place = tmp_path / "runtimes"
    place.mkdir()
    bash = (Path(__file__).parents[3] / "runtimes" / "bash.toml").read_text(encoding="utf-8")
    (place / "bash.toml").write_text(bash, encoding="utf-8")
    (place / "broken.toml").write_text(
        bash.replace('"bash"', '"broken"', 1).replace('["sh", "shell"]', "[]").replace("a b 42", "a b 43"), "utf-8"
    )
    changed = {"runtimes": "[]", "runtimes_dir": str(place)}
    with await asyncio.to_thread(_entered, tmp_path, changed) as executor:
        async with executor.worker() as worker:
            offer = await worker.client.get("/executor/v1/offer", ExecutorOffer)
    assert [runtime.name for runtime in offer.runtimes] == ["bash"]
    assert "Wrong output" in offer.refused_runtimes["broken"]


async def test_sigterm_lets_a_run_end(tmp_path: Path) -> None:
    with await asyncio.to_thread(_entered, tmp_path, {"runtimes": '["bash"]'}) as executor:
        async with executor.worker() as worker:
            last = None
            async for line in worker.lines(program("echo on; sleep 1.5; echo off", runtime="bash")):
                last = line
                if line["type"] == "output":
                    os.kill(executor.pid, signal.SIGTERM)
    assert last is not None
    assert text(last["record"]["stdout"]["data"]) == "on\noff\n"


class _entered:  # noqa: N801  (a context manager used as a function)
    """``running_executor`` entered in a thread: it runs an event loop of its own while it waits."""

    def __init__(self, directory: Path, changed: dict[str, Any]) -> None:
        self._running = running_executor(directory, **changed)
        self._executor = self._running.__enter__()

    def __enter__(self) -> ExecutorProcess:
        return self._executor

    def __exit__(self, *details: object) -> None:
        self._running.__exit__(None, None, None)


async def test_too_much_output_of_what_has_ended_is_a_record_too(worker: Worker) -> None:
    for _ in range(5):
        record = await worker.record(program("echo 1", runtime="bash", limits=Limits(output_bytes=0)))
        assert (record.verdict, record.evidence.limit) == ("output_limit_exceeded", "output_bytes")


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # it has to be larger than the memory
@pytest.mark.parametrize("of", ["stdin", "files"])
async def test_launcher_that_dies_of_what_the_program_brings_along_is_the_memory_limit(worker: Worker, of: str) -> None:
    wanted = program("import sys; sys.stdin.read()", limits=Limits(memory_bytes=4 << 20), cases=[Case(), Case()])
    if of == "stdin":
        wanted = wanted.model_copy(update={"cases": [Case(stdin="x" * (8 << 20)), Case()]})
    else:
        more = [File(path=f"data{n}", content="x" * (1 << 20)) for n in range(8)]
        wanted = wanted.model_copy(update={"files": [*wanted.files, *more]})
    record = await worker.record(wanted)
    assert (record.verdict, record.evidence.limit) == ("memory_limit_exceeded", "memory_bytes")
    assert record.evidence.killed_by == "kernel"
    assert [case.verdict for case in record.cases] == ["memory_limit_exceeded", None]
