"""One language in its image: programs run there as an evaluation runs them."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Self

from cloche.contracts.execution import FailedLine
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.record import ExecutionRecord
from cloche.contracts.submission import File, Program
from cloche.executor.engines.engine import Engine
from cloche.executor.execution import Execution, Ready, ReadyRuntime
from cloche.executor.outbox import Outbox
from cloche.executor.runtimes import Runtime
from cloche.executor.selftest import check_runtime
from cloche.kit.ids import uuid7


@dataclass(frozen=True)
class Language:
    """A runtime that passed its self-test, which is a program that prints what it must."""

    engine: Engine
    tested: ReadyRuntime

    @classmethod
    async def ready(cls, runtime: Runtime, engine: Engine) -> Self:
        """The runtime in its image, after its self-test there.

        Raises:
            SelfTestError: it does not pass.
        """
        (toolchain,) = await engine.toolchains(runtime)
        return cls(engine, await check_runtime(runtime, toolchain, engine))

    @property
    def runtime(self) -> Runtime:
        return self.tested.runtime

    @property
    def version(self) -> str:
        return self.tested.offer.version

    async def run(self, source: str, stdin: str = "") -> ExecutionRecord:
        """How a program ends under the default limits."""
        program = Program(
            runtime=self.runtime.name,
            files=[File(path=self.runtime.source_file, content=source)],
            entrypoint=self.runtime.source_file,
            stdin=stdin,
            limits=Limits(),
            compile_limits=CompileLimits(),
        )
        cell = f"images-{uuid7()}"
        line = await Execution(cell, program, Ready(self.tested), self.engine, self.engine.tiers[-1], Outbox()).run(
            60.0
        )
        assert not isinstance(line, FailedLine), line
        return line.record


def text(data: str | None) -> str:
    """Inline output as text."""
    return b64decode(data or "").decode()
