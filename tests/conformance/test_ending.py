"""How a program ends, and what ends with it."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from bench import ENV, Bench, Ran

from cloche.executor.cell import CellLostError, Command
from cloche.executor.engines.engine import EngineError
from cloche.executor.verdict import usage


@pytest.mark.parametrize("status", [0, 1, 42, 127, 255])
async def test_exit_status_is_reported(bench: Bench, status: int) -> None:
    """The exit status is reported as the program gave it; only 0 is accepted."""
    ran = await bench.run(f"import os; os._exit({status})")
    assert (ran.facts.done.exit_code, ran.facts.done.signal) == (status, -1)
    assert ran.verdict == ("accepted" if status == 0 else "runtime_error")


@pytest.mark.parametrize("number", [6, 9, 11, 15])
async def test_signal_is_reported(bench: Bench, number: int) -> None:
    """A signal that ends the program is reported by its number, and is a runtime error."""
    ran = await bench.run(f"import os; os.kill(os.getpid(), {number})")
    assert (ran.facts.done.exit_code, ran.facts.done.signal) == (-1, number)
    assert ran.verdict == "runtime_error"
    assert ran.facts.done.killed == "none"


async def test_unknown_executable_is_a_runtime_error(bench: Bench) -> None:
    """What can't be executed is a runtime error with the reason, and the cell can be used on."""
    async with bench.open("") as opened:
        ran = await opened.step(Command(("/work/no-such-thing",), ENV))
        assert ran.facts.done.exec_errno == 2
        assert ran.verdict == "runtime_error"
        assert (await opened.step()).verdict == "accepted"


async def test_wall_limit_ends_a_sleeper(bench: Bench) -> None:
    """A program that sleeps past its wall limit is ended soon after it, and the limit is named."""
    begun = time.monotonic()
    ran = await bench.run("import time; time.sleep(60)", limits=bench.limits(wall_time_s=0.5))
    assert ran.verdict == "time_limit_exceeded"
    assert ran.judged.evidence.limit == "wall_time_s"
    assert 500_000 <= ran.facts.done.wall_us < 1_500_000
    assert time.monotonic() - begun < 15


async def test_wall_limit_ends_what_ignores_signals(bench: Bench) -> None:
    """The wall limit ends a program that ignores every signal it can."""
    source = """
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: time.sleep(1)
"""
    ran = await bench.run(source, limits=bench.limits(wall_time_s=0.5))
    assert (ran.verdict, ran.facts.done.signal) == ("time_limit_exceeded", 9)


async def test_cpu_limit_ends_a_busy_loop(bench: Bench) -> None:
    """A busy loop is ended at its CPU limit, and the limit is named."""
    ran = await bench.run("while True: pass", limits=bench.limits(cpu_time_s=0.5, wall_time_s=20))
    assert ran.verdict == "time_limit_exceeded"
    assert ran.judged.evidence.limit == "cpu_time_s"
    assert ran.facts.done.cpu_us >= 480_000


async def test_cpu_limit_counts_children_and_grandchildren(bench: Bench) -> None:
    """CPU time of children and reparented grandchildren counts towards the limit while they run."""
    source = """
import os, time
if os.fork() == 0:
    if os.fork() != 0: os._exit(0)
    while True: pass
os.wait()
if os.fork() == 0:
    while True: pass
time.sleep(60)
"""
    ran = await bench.run(source, limits=bench.limits(cpu_time_s=0.6, wall_time_s=20))
    assert ran.judged.evidence.limit == "cpu_time_s"


async def test_cpu_time_of_collected_children_is_reported(bench: Bench) -> None:
    """CPU time of children that were waited for is part of the reported time."""
    source = """
import os, time
if os.fork() == 0:
    while time.process_time() < 0.3: pass
    os._exit(0)
os.wait()
"""
    ran = await bench.run(source)
    assert 290_000 <= ran.facts.done.cpu_us < 3_000_000


async def test_background_child_ends_with_the_program(bench: Bench) -> None:
    """A step ends with its first process, and what runs in the background ends with it."""
    ran = await bench.run("sleep 60 & echo done", runtime="bash", limits=bench.limits(wall_time_s=20))
    assert (ran.stdout, ran.verdict) == (b"done\n", "accepted")
    assert ran.facts.done.wall_us < 10_000_000


async def test_daemon_in_its_own_session_holding_stdout_ends_with_the_program(bench: Bench) -> None:
    """Neither a session of its own nor an open stdout lets a process outlive its step."""
    source = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0: os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(60)
os.wait()
print('parent done')
"""
    async with bench.open(source) as opened:
        ran = await opened.step(limits=bench.limits(wall_time_s=20))
        assert (ran.stdout, ran.verdict) == (b"parent done\n", "accepted")
        left = await opened.step(Command(("/bin/sh", "-c", "set -- /proc/[0-9]*; echo $#"), ENV))
    assert left.stdout in {b"1\n", b"2\n"}, "the launcher and the shell; the pattern itself where none can be seen"


async def test_fork_bomb_is_contained(bench: Bench) -> None:
    """No more processes than the limit are alive at once."""
    source = """
import os, time
for _ in range(3000):
    try:
        if os.fork() == 0: time.sleep(60)
    except OSError:
        print('refused'); break
else: print('never refused')
"""
    limits = bench.limits(processes=32, wall_time_s=20)
    async with bench.open(source, limits=limits) as opened:
        ran = await opened.step(limits=limits)
    assert ran.stdout == b"refused\n"


async def test_second_step_sees_files_but_no_process_of_the_first(bench: Bench) -> None:
    """A further step in the same cell sees the files of the one before and none of its processes."""
    source = "import os, time; open('left', 'w').write('x')\nif os.fork() == 0: time.sleep(60)"
    async with bench.open(source) as opened:
        assert (await opened.step()).verdict == "accepted"
        command = Command(("/bin/sh", "-c", "test -e left && echo left; set -- /proc/[0-9]*; echo $#"), ENV)
        ran = await opened.step(command)
    assert ran.stdout.split()[0] == b"left"
    assert int(ran.stdout.split()[1]) <= 4


async def test_kill_ends_the_step_and_keeps_its_output(bench: Bench) -> None:
    """A kill ends the running step as cancelled, with the output up to then."""
    async with bench.open("print('on'); import time; time.sleep(60)") as opened:
        seen = opened.watch(b"on\n")
        running = asyncio.create_task(opened.step())
        await asyncio.wait_for(seen.wait(), 20)
        await opened.cell.kill()
        ran = await asyncio.wait_for(running, 20)
        assert (ran.stdout, ran.verdict) == (b"on\n", "cancelled")


async def test_kill_without_a_step_changes_nothing(bench: Bench) -> None:
    """A kill between steps changes nothing."""
    async with bench.open("print(1)") as opened:
        await opened.cell.kill()
        assert (await opened.step()).verdict == "accepted"


async def test_lease_that_ends_kills_the_step(bench: Bench) -> None:
    """A step is ended when the lease of its cell ends."""
    async with bench.open("import time; time.sleep(60)", deadline_s=1.0) as opened:
        ran = await opened.step(limits=bench.limits(wall_time_s=60))
    assert ran.facts.done.killed == "deadline"


async def test_extended_lease_lets_the_step_end_by_itself(bench: Bench) -> None:
    """An extended lease lets the step go on to its own end."""
    async with bench.open("import time; time.sleep(2); print('done')", deadline_s=1.5) as opened:
        await opened.cell.extend(30)
        ran = await opened.step(limits=bench.limits(wall_time_s=60))
    assert (ran.stdout, ran.facts.done.killed) == (b"done\n", "none")


async def test_destroying_the_cell_in_a_step_ends_it(bench: Bench) -> None:
    """A cell can be destroyed in the middle of a step, within its bound of time; afterwards it is lost."""
    async with bench.open("print('on'); import time; time.sleep(60)") as opened:
        seen = opened.watch(b"on")
        running = asyncio.create_task(opened.step())
        await asyncio.wait_for(seen.wait(), 20)
        running.cancel()
        await asyncio.wait([running])
        await asyncio.wait_for(opened.slot.destroy(), 12)
        with pytest.raises((CellLostError, EngineError)):
            await opened.step()


async def test_destruction_goes_on_when_nobody_waits_for_it(bench: Bench) -> None:
    """A cell's destruction is not undone by cancelling whoever asked for it: the next to ask finds it gone."""
    async with bench.open("print('on'); import time; time.sleep(60)") as opened:
        running = asyncio.create_task(opened.step())
        await asyncio.wait_for(opened.watch(b"on").wait(), 20)
        running.cancel()
        destroying = asyncio.create_task(opened.slot.destroy())
        await asyncio.sleep(0)
        destroying.cancel()
        await asyncio.wait([running, destroying])
        await asyncio.wait_for(opened.slot.destroy(), 12)
        assert _own_groups() == []
        with pytest.raises((CellLostError, EngineError)):
            await opened.step()


async def test_nothing_of_a_destroyed_cell_runs_on(bench: Bench) -> None:
    """Destroying a cell ends every process that its program started, whatever sessions they moved to."""
    mark = f"9{time.monotonic_ns()}"
    source = f"""
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0: os._exit(0)
        os.execv("/bin/sleep", ["sleep", "{mark}"])
time.sleep(0.3); print("on"); time.sleep(60)
"""
    async with bench.open(source) as opened:
        seen = opened.watch(b"on")
        running = asyncio.create_task(opened.step())
        await asyncio.wait_for(seen.wait(), 20)
        running.cancel()
        await asyncio.wait([running])
    assert _processes_with(mark) == []


def _processes_with(mark: str) -> list[str]:
    return [str(path) for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


async def test_memory_limit_ends_a_hog(bench: Bench) -> None:
    """A program that uses more memory than its limit ends as `memory_limit_exceeded`."""
    limits = bench.limits(memory_bytes=64 * 1024 * 1024)
    ended = await bench.verdict("x = bytearray(400_000_000); print('never')", limits)
    assert ended == ("memory_limit_exceeded", b"")


async def test_memory_limit_holds_for_a_child_whose_parent_exits_zero(bench: Bench) -> None:
    """Memory that only a child used up decides, whatever its parent returns."""
    source = """
import os, sys
if os.fork() == 0:
    x = bytearray(400_000_000)
    os._exit(0)
os.wait(); sys.exit(0)
"""
    verdict, _ = await bench.verdict(source, bench.limits(memory_bytes=64 * 1024 * 1024))
    assert verdict == "memory_limit_exceeded"


async def test_peak_memory_is_measured_for_each_step(bench: Bench) -> None:
    """Peak memory is measured for each step anew."""
    async with bench.open("import sys, time; x = bytearray(int(sys.argv[1]));time.sleep(0.7)") as opened:
        large = await opened.step(args=("60000000",))
        small = await opened.step(args=("1",))
    assert _peak(large) > 60_000_000
    assert _peak(small) < 40_000_000


def _peak(ran: Ran) -> int:
    return usage(ran.facts).peak_memory_bytes


def _own_groups() -> list[str]:
    """Cgroups of cells that this process made."""
    walked = os.walk("/sys/fs/cgroup")
    return [name for _, names, _ in walked for name in names if name.startswith(f"cloche-{os.getpid()}-")]
