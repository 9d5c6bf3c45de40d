"""Whether one version of a runtime really works here: it runs its self-test in a real cell."""

import re
from base64 import b64decode

from cloche.contracts.execution import FailedLine, RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import Case, File, Program
from cloche.contracts.values import as_message
from cloche.contracts.words import Stream
from cloche.executor.cell import Cell, CellLostError, Command
from cloche.executor.engines.engine import CellSpec, Engine, EngineBusyError, EngineError, Toolchain
from cloche.executor.execution import Execution, Ready, ReadyRuntime
from cloche.executor.outbox import Outbox
from cloche.executor.runtimes import Runtime, filled
from cloche.kit.ids import uuid7

#: A self-test's lease, and the limits of asking for the version.
_LEASE_S = 60.0
_ASK = Limits(wall_time_s=20, cpu_time_s=20)


class SelfTestError(Exception):
    """A runtime does not work here; the message says what happened."""


class NoRoomError(Exception):
    """It could not be tried now; nothing is said of the runtime."""


async def check_runtime(runtime: Runtime, toolchain: Toolchain, engine: Engine) -> ReadyRuntime:
    """Ask the toolchain's version in a cell and run the self-test in another.

    Raises:
        SelfTestError: it can't be announced.
        NoRoomError: there is no room for its cell now.
    """
    try:
        version = await _version(runtime, toolchain, engine)
    except EngineBusyError as error:
        raise NoRoomError(str(error)) from error
    except (EngineError, CellLostError) as error:
        raise SelfTestError(str(error)) from error
    offer = RuntimeOffer(
        name=runtime.name,
        version=version,
        aliases=list(runtime.aliases),
        compiled=runtime.compiled,
        source_file=runtime.source_file,
        highlight=runtime.highlight,
        tool=as_message(toolchain.tool),
    )
    ready = ReadyRuntime(offer, runtime, toolchain)
    await _self_test(ready, engine)
    return ready


async def _version(runtime: Runtime, toolchain: Toolchain, engine: Engine) -> str:
    said = bytearray()

    async def keep(_: Stream, data: bytes) -> None:
        said.extend(data)

    argv = filled(runtime.version, {"tool": toolchain.tool} | dict(toolchain.values))
    slot = await engine.open(CellSpec(f"ask-{uuid7()}", runtime, toolchain, _ASK, isolation=engine.tiers[-1].isolation))
    try:
        cell = Cell(slot)
        await cell.begin([], deadline_s=_LEASE_S)
        facts = await cell.run(Command(argv, (("PATH", "/usr/bin:/bin"),)), _ASK, keep)
    finally:
        await slot.destroy()
    found = re.search(runtime.version_pattern, said.decode("utf-8", "replace"))
    if facts.done.exit_code != 0 or found is None:
        raise SelfTestError(f"{toolchain.tool} does not say its version: {_tail(bytes(said))}")
    return found[1]


async def _self_test(ready: ReadyRuntime, engine: Engine) -> None:
    test, runtime = ready.runtime.self_test, ready.runtime
    program = Program(
        runtime=runtime.name,
        files=[File(path=runtime.source_file, content=test.source)],
        entrypoint=runtime.source_file,
        limits=test.limits,
        compile_limits=CompileLimits(),
        cases=[Case(expected_stdout=test.expected, compare="exact")],
    )
    outbox = Outbox()
    line = await Execution(f"test-{uuid7()}", program, Ready(ready), engine, engine.tiers[-1], outbox).run(_LEASE_S)
    if isinstance(line, FailedLine) and line.reason == "overloaded":
        raise NoRoomError(line.message)
    if isinstance(line, FailedLine):
        raise SelfTestError(f"self-test: {line.reason}: {line.message}")
    record = line.record
    if record.verdict != "accepted":
        source = record.compile.output if record.compile and record.verdict == "compile_error" else record.stderr.data
        raise SelfTestError(f"self-test: {record.message} {_tail_of_base64(source)}".strip())


def _tail(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def _tail_of_base64(data: str | None) -> str:
    return _tail(b64decode(data or ""))
