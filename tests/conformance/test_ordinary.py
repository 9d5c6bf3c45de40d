"""What an ordinary program may do, so that isolation costs no program its work."""

from bench import ENV, Bench

from cloche.executor.cell import Command


async def test_children_are_started_and_their_statuses_seen(bench: Bench) -> None:
    """A program starts children, by fork and by exec, and sees how each ended."""
    source = """
import os, subprocess
print(subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode)
pid = os.fork()
if pid == 0: os._exit(4)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(subprocess.run(["/bin/echo", "piped"], capture_output=True).stdout)
"""
    assert (await bench.run(source)).stdout == b"3\n4\nb'piped\\n'\n"


async def test_threads_run(bench: Bench) -> None:
    """Threads are started, share memory and are joined."""
    source = """
import threading
seen = []
threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(seen))
"""
    assert (await bench.run(source)).stdout == b"[0, 1, 2, 3, 4, 5, 6, 7]\n"


async def test_local_socket_pairs_work(bench: Bench) -> None:
    """Connected pairs of local sockets work in every tier: runtimes wake their own threads by them."""
    source = "import socket; a, b = socket.socketpair(); a.send(b'hi'); print(b.recv(9))"
    assert (await bench.run(source)).stdout == b"b'hi'\n"


async def test_event_loop_with_a_child_works(bench: Bench) -> None:
    """An event loop runs, with timers and a child process whose output it reads."""
    source = """
import asyncio
async def main():
    child = await asyncio.create_subprocess_exec("/bin/echo", "heard", stdout=asyncio.subprocess.PIPE)
    await asyncio.sleep(0.01)
    print((await child.communicate())[0])
asyncio.run(main())
"""
    assert (await bench.run(source)).stdout == b"b'heard\\n'\n"


async def test_temporary_files_are_made_and_removed(bench: Bench) -> None:
    """There is a directory for temporary files, named by TMPDIR, where a program makes and removes them."""
    source = """
import tempfile
with tempfile.TemporaryDirectory() as d, open(d + "/x", "w+") as file:
    file.write("kept"); file.seek(0); print(file.read())
"""
    assert (await bench.run(source, at_home=True)).stdout == b"kept\n"


async def test_harmless_devices_are_there(bench: Bench) -> None:
    """The null, zero and random devices work."""
    source = """
print(open("/dev/zero", "rb").read(2), len(open("/dev/urandom", "rb").read(4)), open("/dev/null", "rb").read())
open("/dev/null", "w").write("gone")
"""
    assert (await bench.run(source)).stdout == b"b'\\x00\\x00' 4 b''\n"


async def test_what_was_written_can_be_run(bench: Bench) -> None:
    """A program may write a script into its work directory and run it."""
    source = """
import os, subprocess
with open("tool", "w") as file: file.write("#!/bin/sh\\necho made here\\n")
print(subprocess.run(["/bin/sh", "tool"], capture_output=True).stdout)
"""
    assert (await bench.run(source)).stdout == b"b'made here\\n'\n"


async def test_time_goes_on(bench: Bench) -> None:
    """Clocks run forward, and the time of day is the host's."""
    source = """
import time
before = time.monotonic(), time.perf_counter(), time.process_time()
time.sleep(0.01)
print(time.monotonic() > before[0], time.perf_counter() > before[1], time.time() > 1.7e9)
"""
    assert (await bench.run(source)).stdout == b"True True True\n"


async def test_signals_among_its_own_processes_work(bench: Bench) -> None:
    """A program signals its own children and handles signals it sends to itself."""
    source = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
pid = os.fork()
if pid == 0: time.sleep(60)
os.kill(pid, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert (await bench.run(source)).stdout == b"handled\n-15\n"


async def test_shell_pipelines_work(bench: Bench) -> None:
    """A shell runs pipelines, redirections and substitutions."""
    ran = await bench.run("echo $(printf 'b\\na\\n' | sort | tr '\\n' ' ') > out; cat < out", runtime="bash")
    assert ran.stdout == b"a b\n"


async def test_steps_of_one_cell_each_begin_anew(bench: Bench) -> None:
    """A step that passed its limit leaves the cell fit for the next, with limits of its own."""
    async with bench.open("import sys, time; time.sleep(float(sys.argv[1])); print('done')") as opened:
        first = await opened.step(limits=bench.limits(wall_time_s=0.4), args=("60",))
        second = await opened.step(args=("0",))
    assert (first.verdict, second.verdict) == ("time_limit_exceeded", "accepted")
    assert second.stdout == b"done\n"


async def test_command_of_another_step_may_be_another_program(bench: Bench) -> None:
    """Steps of one cell may run different programs: a compiler first, then what it made."""
    async with bench.open("open('made', 'w').write('by the first')") as opened:
        await opened.step()
        ran = await opened.step(Command(("/bin/cat", "made"), ENV))
    assert ran.stdout == b"by the first"
