"""The launcher's filter against the same policy told by names, for both architectures on either of them."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from classic_bpf import Call, Filter
from seccomp_calls import ARCHES, name_of
from seccomp_policy import LOOPBACK, NONE, POLICED, SHARED, UNIX, expected, telling_arguments

Probe = Callable[..., str]
MODES = [sockets | user for sockets in (UNIX, LOOPBACK, NONE) for user in (0, SHARED)]
NUMBERS = (*range(600), *range(0x40000000, 0x40000000 + 600), 0x7FFFFFFF, 0xFFFFFFFF)
NAMES = {arch: {number: name_of(arch, number) for number in NUMBERS} for arch in ARCHES}


def differences(program: Filter, arch: str, mode: int, numbers: tuple[int, ...] = NUMBERS) -> Iterator[str]:
    """Calls that the program answers otherwise than the policy does."""
    for number in numbers:
        name = NAMES[arch][number]
        for args in telling_arguments(name):
            answer, wanted = program.answer(Call(ARCHES[arch], number, args)), expected(name, number, args, mode)
            if answer != wanted:
                yield f"{name} ({number}) {args}: {answer}, not {wanted}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arch", ARCHES)
def test_every_call_is_answered_as_the_policy_says(probe: Probe, arch: str, mode: int) -> None:
    program = Filter.parse(probe("dump", arch, mode))
    assert list(differences(program, arch, mode)) == []


@pytest.mark.parametrize("arch", ARCHES)
def test_no_call_can_be_dropped_from_the_table_unnoticed(probe: Probe, arch: str) -> None:
    numbers = {name: number for number, name in NAMES[arch].items() if name is not None}
    unnoticed = {place: name for place, name in enumerate(probe("names").split()) if name in numbers}
    for mode in MODES:
        programs = [Filter.parse(text) for text in probe("drop", arch, mode).removesuffix("\n\n").split("\n\n")]
        for place, name in list(unnoticed.items()):
            if any(differences(programs[place], arch, mode, (numbers[name],))):
                del unnoticed[place]
    assert unnoticed == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arch", ARCHES)
def test_calls_of_other_architectures_are_refused(probe: Probe, arch: str, mode: int) -> None:
    program = Filter.parse(probe("dump", arch, mode))
    others = {0x40000003, 0x40000028, 0xC00000F3, 0, *ARCHES.values()} - {ARCHES[arch]}
    assert {program.answer(Call(other, number, (0,) * 6)) for other in others for number in NUMBERS} == {errno.EPERM}


def test_the_policy_names_only_calls_that_there_are() -> None:
    assert POLICED - {name for names in NAMES.values() for name in names.values()} == set()


@pytest.mark.parametrize("mode", MODES)
def test_the_kernel_takes_the_program_and_answers_by_it(probe: Probe, mode: int) -> None:
    numbers = {name: number for number, name in NAMES[os.uname().machine].items()}
    asked = [*(numbers[name] for name in ("ptrace", "io_uring_setup", "getppid", "pidfd_open")), 0x40000027]
    source = (
        "import ctypes; call = ctypes.CDLL(None, use_errno=True).syscall\n"
        f"for number in {asked}: print(call(number, -1, 0, 0, 0) < 0 and ctypes.get_errno())"
    )
    answers = probe("run", mode, sys.executable, "-c", source).split()
    assert answers == [str(errno.EPERM), str(errno.ENOSYS), "False", str(errno.EPERM), str(errno.ENOSYS)]


def test_core_limit_can_be_read_and_its_change_succeeds_without_effect(probe: Probe) -> None:
    numbers = {name: number for number, name in NAMES[os.uname().machine].items()}
    source = f"""
import ctypes, resource, subprocess
core, files, call = resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, ctypes.CDLL(None, use_errno=True).syscall
before = resource.getrlimit(core)
for lower in ((0, before[1]), (1, 1), (0, 0)):
    resource.setrlimit(core, lower)
lowest = ctypes.create_string_buffer(16)
print(call({numbers["setrlimit"]}, core, lowest), call({numbers["prlimit64"]}, 0, core, lowest, 0))
print(call({numbers["prlimit64"]}, {os.getpid()}, core, lowest, 0), ctypes.get_errno())
print(subprocess.run(["sh", "-c", "ulimit -c 0"]).returncode, resource.getrlimit(core) == before)
resource.setrlimit(files, (17, 17)); print(resource.getrlimit(files))
"""
    answers = probe("run", UNIX, sys.executable, "-c", source).splitlines()
    assert answers == ["0 0", f"-1 {errno.EPERM}", "0 True", "(17, 17)"]


def test_the_reference_names_every_call(probe: Probe) -> None:
    reference = (Path(__file__).parents[4] / "docs" / "reference" / "seccomp.md").read_text(encoding="utf-8")
    assert [name for name in probe("names").split() if f"`{name}`" not in reference] == []
