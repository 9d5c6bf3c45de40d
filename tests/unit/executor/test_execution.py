from cloche.contracts.execution import FailedLine, RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.contracts.words import EngineName
from cloche.executor.engines.engine import CellSpec, EngineError, Slot, Tier, Toolchain
from cloche.executor.execution import Execution, ReadyRuntime
from cloche.executor.outbox import Outbox
from cloche.executor.runtimes import Runtime, load_runtimes

PROGRAM = Program(
    runtime="python",
    files=[File(path="main.py", content="")],
    entrypoint="main.py",
    limits=Limits(),
    compile_limits=CompileLimits(),
)


class FullEngine:
    """An engine of a machine that has no room for a cell."""

    name: EngineName = "local"
    tiers: tuple[Tier, ...] = (Tier("namespace"),)

    async def start(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    def facts(self) -> dict[str, str]:
        return {}

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        return [Toolchain("/usr/bin/python3")]

    async def open(self, spec: CellSpec) -> Slot:
        raise EngineError("no room\0\x1b[1m")


def execution() -> Execution:
    (python,) = load_runtimes(only=("python",))
    ready = ReadyRuntime(RuntimeOffer(name="python", version="3.11"), python, Toolchain("/usr/bin/python3"))
    return Execution("cell", PROGRAM, ready, FullEngine(), Tier("namespace"), Outbox())


async def test_lease_that_has_not_begun_or_has_ended_is_not_extended():
    one = execution()
    await one.extend(5)
    await one.run(5)
    await one.extend(5)


async def test_engines_words_are_made_fit_for_the_wire():
    assert await execution().run(5) == FailedLine(
        reason="engine_error", started=False, message="no room\ufffd\ufffd[1m"
    )
