"""A program and its tests made ready for their cells: isolated, in two; inline, in one. Pure."""

from importlib.resources import files
from typing import Final

import orjson

from cloche.contracts.limits import MIB, Limits
from cloche.contracts.submission import File, FunctionTests, Program
from cloche.executor.engines.engine import Toolchain
from cloche.executor.program import Prepared, prepare
from cloche.executor.runtimes import Runtime

_FOLDER: Final = ".cloche"
_SHARED: Final = "plain_values"
#: All lines that one side says to the other.
LINES_BYTES: Final = 64 * MIB
#: How much later than the program the tests may end: its own limit bounds both, but its clock stops while the worker is
#: slow to read, up to 300 s. And what they may use at least.
_LATER_S: Final = 330.0
_TESTS_CPU_S: Final = 10.0
_TESTS_MEMORY_BYTES: Final = 512 * MIB


def with_candidate(program: Program) -> Program:
    """The same program, to be started by ``grader/candidate.py``."""
    added = [_ours("candidate"), _ours(_SHARED)]
    return program.model_copy(
        update={
            "files": [*program.files, *added],
            "entrypoint": added[0].path,
            "args": [program.entrypoint, *program.args],
        }
    )


def with_tests(program: Program) -> Program:
    """The program with its tests behind it, for one process. It can forge them."""
    tests = program.tests
    assert tests is not None
    check = f"check({tests.entry_point})\n" if tests.entry_point and "check" in tests.code else ""
    before = f"{tests.setup}\n" if tests.setup else ""
    whole = [
        file.model_copy(update={"content": f"{before}{file.content}\n{tests.code}\n{check}"})
        if file.path == program.entrypoint and file.encoding == "utf-8"
        else file
        for file in program.files
    ]
    return program.model_copy(update={"files": whole})


def prepared_tests(tests: FunctionTests, program: Program, runtime: Runtime, toolchain: Toolchain) -> Prepared:
    """What goes into the grader's cell. Raises as ``prepare``."""
    given = orjson.dumps({"setup": tests.setup, "code": tests.code, "entry_point": tests.entry_point}).decode()
    judge = _ours("judge")
    mine = Program(
        runtime=program.runtime,
        files=[judge, _ours(_SHARED), File(path=f"{_FOLDER}/tests.json", content=given)],
        entrypoint=judge.path,
        limits=tests_limits(program.limits),
        compile_limits=program.compile_limits,
    )
    return prepare(mine, runtime, toolchain)


def tests_limits(limits: Limits) -> Limits:
    """What the tests may use beside a program under ``limits``."""
    return Limits(
        wall_time_s=limits.wall_time_s + _LATER_S,
        cpu_time_s=max(limits.cpu_time_s, _TESTS_CPU_S),
        memory_bytes=max(limits.memory_bytes, _TESTS_MEMORY_BYTES),
        output_bytes=LINES_BYTES,
    )


def _ours(name: str) -> File:
    source = (files("cloche.executor.grader") / f"{name}.py").read_text(encoding="utf-8")
    return File(path=f"{_FOLDER}/{name}.py", content=source)
