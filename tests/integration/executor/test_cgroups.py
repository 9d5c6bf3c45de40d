"""Cells' cgroups, on whichever version this machine has: `make test-cgroup2` runs these on the other one."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloche.executor.engines.engine import EngineUnusableError
from cloche.executor.engines.local import engine as local_engine
from cloche.executor.engines.local.cgroups import files
from cloche.executor.engines.local.cgroups.group import CellGroup
from cloche.executor.engines.local.cgroups.leftovers import remove_leftovers
from cloche.executor.engines.local.cgroups.names import PREFIX, group_name
from cloche.executor.engines.local.cgroups.roots import CgroupRoots, find_roots
from cloche.executor.engines.local.engine import LocalEngine

MIB = 1 << 20
#: Joins the groups that are its arguments, then runs what stands before them.
_JOIN = 'program=$1; shift; for group; do echo $$ > "$group/cgroup.procs"; done; exec "$0" -c "$program"'


@pytest.fixture
def roots() -> CgroupRoots:
    found = find_roots()
    if found.memory is None or found.pids is None:
        pytest.skip(f"no cgroups here: {found.lacking}")
    return found


@pytest.fixture
def group(roots: CgroupRoots) -> Iterator[CellGroup]:
    made = CellGroup(roots, "test")
    for path in made.directories:
        Path(path).mkdir()
    yield made
    _end(made)


def _end(group: CellGroup) -> None:
    while not group.remove():
        group.kill()


def _start(group: CellGroup, program: str) -> subprocess.Popen[bytes]:
    argv = ["/bin/sh", "-c", _JOIN, sys.executable, program, *group.directories]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _run(group: CellGroup, program: str) -> int:
    with _start(group, program) as process:
        return process.wait(60)


def test_more_memory_than_allowed_is_an_oom_kill_with_its_peak(group: CellGroup) -> None:
    group.confine(memory_bytes=32 * MIB, processes=8)
    assert _run(group, f"b'x' * {64 * MIB}") == -signal.SIGKILL
    usage = group.usage()
    assert (usage.oom_kills, usage.source) == (1, "cgroup")
    assert 30 * MIB < usage.memory_peak_bytes <= 32 * MIB


def test_each_step_is_measured_by_itself(group: CellGroup) -> None:
    group.confine(memory_bytes=256 * MIB, processes=8)
    assert _run(group, f"x = bytearray({100 * MIB}); sum(range(1000000))") == 0
    first = group.usage()
    assert first.memory_peak_bytes > 100 * MIB
    group.confine(memory_bytes=256 * MIB, processes=8)
    assert _run(group, "pass") == 0
    second = group.usage()
    # Before Linux 6.12, version 2 can't tell: then it must not pretend to.
    assert second.memory_peak_bytes < 90 * MIB
    assert second.source == ("cgroup" if _resets_peaks(group) else "sampled")
    assert 0 < (second.cpu_us or 0) < (first.cpu_us or 0)
    group.confine(memory_bytes=256 * MIB, processes=8)
    assert _run(group, f"x = bytearray({150 * MIB})") == 0
    assert (group.usage().source, group.usage().memory_peak_bytes > 150 * MIB) == ("cgroup", True)


def test_limit_can_be_raised_and_lowered(group: CellGroup) -> None:
    hog = f"x = bytearray({100 * MIB})"
    for limit, code in ((64, -signal.SIGKILL), (256, 0), (48, -signal.SIGKILL)):
        group.confine(memory_bytes=limit * MIB, processes=8)
        assert _run(group, hog) == code
        assert group.usage().oom_kills == (code != 0)


def test_processes_are_limited_without_a_user_of_their_own(group: CellGroup) -> None:
    group.confine(memory_bytes=256 * MIB, processes=5)
    forks = "import os, sys, time\nmade = 0\ntry:\n  while os.fork(): made += 1\n  time.sleep(100)\n"
    forks += "except BlockingIOError: sys.exit(made)"
    with _start(group, forks) as process:
        made = process.wait(60)
        group.kill()
    assert 3 <= made <= 7


def test_group_with_a_process_is_not_gone_until_it_is_killed(group: CellGroup) -> None:
    group.confine(memory_bytes=256 * MIB, processes=8)
    with _start(group, "import signal; print(flush=True); signal.pause()") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert not group.remove()
        group.kill()
        assert process.wait(10) == -signal.SIGKILL
    _end(group)
    assert group.remove()
    assert not [path for path in group.directories if Path(path).exists()]


async def test_unmakeable_group_is_told_and_leaves_nothing(roots: CgroupRoots, monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = CgroupRoots(memory=roots.memory, pids=Path("/proc"))
    monkeypatch.setattr(local_engine, "find_roots", lambda _: impossible)
    engine = LocalEngine(tiers=("namespace",))
    with pytest.raises(EngineUnusableError, match="a cgroup: "):
        await engine.start()
    await engine.close()
    assert roots.memory is not None
    assert not list(roots.memory.glob(f"{PREFIX}{os.getpid()}-*"))


def test_what_a_killed_executor_left_is_removed_with_all_below_it(roots: CgroupRoots) -> None:
    executor = (
        "import os, signal, sys, subprocess\n"
        "from cloche.executor.engines.local.cgroups.group import CellGroup\n"
        "from cloche.executor.engines.local.cgroups.roots import find_roots\n"
        "group = CellGroup(find_roots(), 'left')\n"
        "for path in group.directories: os.mkdir(path)\n"
        "join = 'for group; do echo $$ > $group/cgroup.procs; done; '\n"
        "join += 'trap \"\" TERM HUP; echo in; while :; do sleep 100; done'\n"
        "inside = subprocess.Popen(['/bin/sh', '-c', join, 'sh', *group.directories], start_new_session=True)\n"
        "print(group.directories[0].split('/')[-1], flush=True)\n"
        "signal.pause()"
    )
    with _until_the_end([sys.executable, "-c", executor]) as process:
        assert process.stdout is not None
        name = next(line for line in sorted(process.stdout.readline().strip() for _ in range(2)) if line != "in")
        groups = [root / name for root in roots.directories()]
        if roots.unified is None:
            (groups[0] / "inner").mkdir()
        assert remove_leftovers(roots) == []
        assert all(group.exists() for group in groups)
        process.kill()
        # It is not waited for yet: a dead executor whose parent sleeps is dead.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert remove_leftovers(roots) == []
        assert not [group for group in groups if group.exists()]


def test_recycled_process_number_protects_nothing(roots: CgroupRoots) -> None:
    root = roots.directories()[0]
    pid, start, space = group_name("x").split("-")[1:4]
    own, former = root / f"cloche-{pid}-{start}-{space}-9", root / f"cloche-{pid}-{int(start) - 1}-{space}-9"
    elsewhere = f"cloche-{pid}-{int(start) - 1}-{int(space) - 1}-9"
    others = [root / "cloche-012345678901", root / f"cloche-{pid}-7", root / elsewhere]
    try:
        for path in (own, former, *others):
            path.mkdir(exist_ok=True)
        assert remove_leftovers(roots) == []
        assert [path.exists() for path in (former, own, *others)] == [False, True, True, True, True]
    finally:
        for path in (own, former, *others):
            files.remove(str(path))


@contextlib.contextmanager
def _until_the_end(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end, whatever happened."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _resets_peaks(group: CellGroup) -> bool:
    peak = Path(group.directories[0]) / "memory.peak"
    return not peak.exists() or bool(peak.stat().st_mode & 0o200)
