"""How each defence is switched off, one at a time, in a throwaway executor: for tests of the tests.

What the launcher does in C is off where its mutable build (``-DCLOCHE_MUTABLE``) finds the defence's name in
``CLOCHE_MUTATION``. What the executor decides in Python is replaced here. Nothing of it is in the product.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from expectation import LAUNCHER_DEFENCES

from cloche.contracts.limits import Limits
from cloche.contracts.submission import Program
from cloche.executor import cell, execution, verdict
from cloche.executor import program as programs
from cloche.executor.engines.docker.slot import DockerSlot
from cloche.executor.engines.local import engine, plan, scratch, slot, users
from cloche.executor.engines.local.plan import CellUsers
from cloche.executor.launcher import binary
from cloche.executor.launcher import protocol as frames
from cloche.executor.standing.report import TierReport

#: As much as a program could use without its limit: enough to tell, too little to harm.
_MUCH_MEMORY = 2 << 30
_MANY_PROCESSES = 4096
_LONG_MS = 60_000
_MUCH_OUTPUT = 4 << 20
NONE = "none"
#: What lies before a defence and would hide that it is off.
BEFORE: dict[str, tuple[str, ...]] = {
    "dumpable": ("landlock", "own-user"),
    # The kernel takes neither rules nor filters from a process without it.
    "no-new-privs": ("landlock", "seccomp"),
}


def build_mutable_launcher(directory: Path) -> Path:
    """The launcher from its sources, with its defences switchable."""
    folder = Path(binary.__file__).parent
    made = directory / "cell-launcher"
    compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    subprocess.run([compiler, "-static", "-O1", "-DCLOCHE_MUTABLE", "-o", str(made), *sources], check=True)
    made.chmod(0o755)
    return made


def _replace(owner: object, name: str, value: object) -> None:
    if not hasattr(owner, name):
        raise LookupError(name)
    setattr(owner, name, value)


def switch_off(defences: list[str], launcher: Path) -> None:
    """From now on cells of this process are made without ``defences``; ``none`` switches nothing off."""
    _replace(engine, "find_launcher", lambda: launcher)
    _replace(TierReport, "healthy", property(lambda _: True))
    _replace(DockerSlot, "must_have", property(lambda _: frozenset[str]()))
    for defence in defences:
        if defence in _IN_PYTHON:
            _IN_PYTHON[defence]()
        elif defence not in (*LAUNCHER_DEFENCES, NONE):
            raise LookupError(defence)
    _with_variable(",".join(defences))


def _with_variable(names: str) -> None:
    spawn = os.posix_spawn

    def with_variable(path: str, argv: list[str], env: dict[str, str], **options: Any) -> int:
        return spawn(path, argv, env | {"CLOCHE_MUTATION": names}, **options)

    _replace(os, "posix_spawn", with_variable)


def _confined(**values: int) -> Callable[[], None]:
    """Cells whose cgroups get other limits than they should."""
    confine = slot.CellGroup.confine

    def switch() -> None:
        def more(group: slot.CellGroup, **wanted: int) -> None:
            confine(group, **(wanted | values))

        _replace(slot.CellGroup, "confine", more)

    return switch


def _steps(**values: int) -> Callable[[], None]:
    """A launcher that is told other limits of a step than it should be."""
    made = cell.Cell._step

    def switch() -> None:
        def changed(self: cell.Cell, command: cell.Command, limits: Limits) -> frames.Step:
            return replace(made(self, command, limits), **values)

        _replace(cell.Cell, "_step", changed)

    return switch


def _no_watch() -> None:
    async def nobody(*_: Any) -> bool:
        return False

    _replace(cell.Cell, "_watch_cpu", nobody)


def _no_cpu_limit() -> None:
    _no_watch()
    _steps(cpu_ms=_LONG_MS)()


def _no_oom_verdict() -> None:
    _replace(verdict, "oom_kills", lambda _: 0)


def _no_exit_verdict() -> None:
    ended = verdict._ended_itself
    _replace(verdict, "_ended_itself", lambda facts: replace(ended(facts), verdict="accepted"))


def _one_user() -> None:
    _replace(users.SlotUsers, "take", lambda _: CellUsers(users.FIRST_USER, users.FIRST_USER + 1))


def _own_user_mapped() -> None:
    """Cells run as this process's own user: the host's root, here."""
    _replace(users.SlotUsers, "take", lambda _: None)


def _no_clean_up() -> None:
    async def leave(*_: Any) -> None:
        return

    _replace(slot.LocalSlot, "_remove_group", leave)
    _replace(scratch.ScratchDirectories, "remove", leave)


def _answers_in_cell() -> None:
    prepare = programs.prepare

    def with_answers(program: Program, *others: Any) -> programs.Prepared:
        prepared = prepare(program, *others)
        answers = "".join(case.expected_stdout or "" for case in program.cases)
        return replace(prepared, files=[*prepared.files, ("answers", answers.encode())])

    _replace(execution, "prepare", with_answers)


def _more_of_the_host() -> None:
    view = plan._view
    more = [f"bind={path}" for path in ("/var", "/home")]
    _replace(plan, "_view", lambda toolchain: [*more, *view(toolchain)])


def _executors_environment() -> None:
    env = programs._env

    def all_of_it(*given: Any) -> tuple[tuple[str, str], ...]:
        return (*os.environ.items(), *env(*given))

    _replace(programs, "_env", all_of_it)


_IN_PYTHON: dict[str, Callable[[], None]] = {
    "cgroup-memory": _confined(memory_bytes=_MUCH_MEMORY),
    "cgroup-pids": _confined(processes=_MANY_PROCESSES),
    "outside-cpu": _no_watch,
    "wall": _steps(wall_ms=_LONG_MS),
    "cpu": _no_cpu_limit,
    "output": _steps(output_bytes=_MUCH_OUTPUT),
    "oom-verdict": _no_oom_verdict,
    "exit-verdict": _no_exit_verdict,
    "uid-per-slot": _one_user,
    "userns-map": _own_user_mapped,
    "own-user": _own_user_mapped,
    "clean-up": _no_clean_up,
    "answers-kept": _answers_in_cell,
    "mount-view": _more_of_the_host,
    "environment": _executors_environment,
}
