"""Bounds beside time, memory and output, and how passing each is told."""

import pytest
from bench import Bench


async def test_stopped_program_ends_at_its_wall_limit(bench: Bench) -> None:
    """A program that stops itself ends at its wall limit like one that runs."""
    ran = await bench.run("kill -STOP $$; echo never", runtime="bash", limits=bench.limits(wall_time_s=0.5))
    assert (ran.verdict, ran.stdout) == ("time_limit_exceeded", b"")
    assert ran.judged.evidence.limit == "wall_time_s"


async def test_stack_limit_holds(bench: Bench) -> None:
    """A program has the stack that its limit says, as the kernel's own limit, which it can't raise."""
    source = """
import resource
print(resource.getrlimit(resource.RLIMIT_STACK))
try: resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 30))
except (OSError, ValueError): print("refused")
"""
    ran = await bench.run(source, limits=bench.limits(stack_bytes=4 << 20))
    assert ran.stdout == b"(4194304, 4194304)\nrefused\n"


async def test_inode_limit_holds(bench: Bench) -> None:
    """Files and directories of the work directory are counted, where the tier can."""
    source = """
made = 0
try:
    while made < 3000: open(f"n{made}", "w").close(); made += 1
except OSError: pass
print(made < 300)
"""
    ran = await bench.run(source, limits=bench.limits(inodes=200))
    assert ran.stdout == (b"False\n" if bench.lacks("disk") or bench.lacks("inodes") else b"True\n")


async def test_memory_can_not_be_locked(bench: Bench) -> None:
    """Next to nothing may be locked into the machine's memory."""
    source = """
import ctypes, mmap
memory = mmap.mmap(-1, 1 << 20)
print(ctypes.CDLL(None).mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory))), 1 << 20))
"""
    assert (await bench.run(source)).stdout == b"-1\n"


async def test_zombies_are_collected_between_steps(bench: Bench) -> None:
    """Dead children that nobody waited for do not count against the next step."""
    source = """
import os
made = 0
for _ in range(20):
    try:
        if os.fork() == 0: os._exit(0)
        made += 1
    except OSError: pass
print(made)
"""
    limits = bench.limits(processes=32)
    async with bench.open(source, limits=limits) as opened:
        first, second = await opened.step(limits=limits), await opened.step(limits=limits)
    assert first.stdout == second.stdout == b"20\n"


async def test_sockets_are_refused_where_none_were_asked_for(bench: Bench) -> None:
    """Without loopback asked for, no socket can be made that could leave the machine."""
    source = """
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try: socket.socket(family, kind); print("made", family, kind)
        except OSError: pass
"""
    assert (await bench.run(source)).stdout == b""


async def test_own_kill_is_told_from_cloches(bench: Bench) -> None:
    """SIGKILL that a program sends itself is the program's doing; the wall limit's is Cloche's, with its time."""
    own = await bench.run("kill -KILL $$", runtime="bash")
    ours = await bench.run("sleep 60", runtime="bash", limits=bench.limits(wall_time_s=0.4))
    assert (own.verdict, own.judged.evidence.killed_by) == ("runtime_error", "program")
    assert (ours.verdict, ours.judged.evidence.killed_by) == ("time_limit_exceeded", "cloche")
    assert ours.judged.evidence.killed_after_ms is not None


@pytest.mark.parametrize("status", [124, 126, 137, 139, 143])
async def test_statuses_of_tools_and_shells_are_plain_statuses(bench: Bench, status: int) -> None:
    """Statuses by which tools and shells tell of limits and signals are taken for what they are: exit statuses."""
    ran = await bench.run(f"exit {status}", runtime="bash")
    assert (ran.verdict, ran.facts.done.exit_code, ran.facts.done.signal) == ("runtime_error", status, -1)
    assert ran.judged.evidence.source == "exit"


async def test_limit_of_one_step_is_not_the_next_ones(bench: Bench) -> None:
    """CPU time is counted for each step alone."""
    source = "import time\nwhile time.process_time() < 0.5: pass\nprint('done')"
    limits = bench.limits(cpu_time_s=1.0, wall_time_s=20)
    async with bench.open(source, limits=limits) as opened:
        verdicts = [(await opened.step(limits=limits)).verdict for _ in range(3)]
    assert verdicts == ["accepted"] * 3
