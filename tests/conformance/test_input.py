"""Files, arguments, environment and stdin reach the program as they were given."""

import asyncio
import hashlib

from bench import ENV, Bench, OpenCell, Ran

from cloche.executor.cell import Command


async def test_stdin_arrives_unchanged(bench: Bench) -> None:
    """Every byte value arrives on stdin unchanged."""
    data = bytes(range(256)) * 100
    ran = await bench.run("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=data)
    assert ran.stdout == data


async def test_stdin_of_ten_megabytes_arrives_complete(bench: Bench) -> None:
    """Ten megabytes of stdin arrive complete."""
    data = bytes(i * 7 % 256 for i in range(10_000_000))
    source = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    ran = await bench.run(source, stdin=data)
    assert ran.stdout.decode().strip() == hashlib.sha256(data).hexdigest()


async def test_stdin_that_is_never_read_blocks_nothing(bench: Bench) -> None:
    """Stdin that the program never reads holds up neither it nor the cell."""
    ran = await bench.run("print('done')", stdin=b"x" * 10_000_000)
    assert (ran.stdout, ran.verdict) == (b"done\n", "accepted")


async def test_stdin_closed_early_blocks_nothing(bench: Bench) -> None:
    """A program may close its stdin before it has all."""
    source = "import os, time; os.close(0); time.sleep(0.2); print('done')"
    ran = await bench.run(source, stdin=b"x" * 1_000_000)
    assert ran.stdout == b"done\n"


async def test_empty_stdin_ends_at_once(bench: Bench) -> None:
    """Stdin without content is at its end at once."""
    ran = await bench.run("import sys; print(repr(sys.stdin.read()))")
    assert ran.stdout == b"''\n"


def live(opened: OpenCell) -> asyncio.Task[Ran]:
    return asyncio.create_task(opened.step(Command(opened.argv(), opened.env, live=True)))


async def test_live_stdin_comes_piece_by_piece(bench: Bench) -> None:
    """A program answers one piece of live stdin before it is given the next, and sees its end."""
    source = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)\nprint('end')"
    async with bench.open(source) as opened:
        running = live(opened)
        for word in (b"one", b"two"):
            heard = opened.watch(word.upper())
            await asyncio.sleep(0)
            while not heard.is_set():
                await opened.cell.feed(word + b"\n")
                async with asyncio.timeout(30):
                    await heard.wait()
        await opened.cell.feed(b"")
        assert (await running).stdout == b"ONE\nTWO\nend\n"


async def test_live_stdin_waits_until_the_program_reads(bench: Bench) -> None:
    """A piece counts as taken when the program's pipe has all of it; a megabyte arrives unchanged."""
    data = bytes(range(256)) * 4096
    source = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    async with bench.open(source) as opened:
        running = live(opened)
        await asyncio.sleep(0)
        await opened.cell.feed(data)
        await opened.cell.feed(b"")
        assert (await running).stdout.decode().strip() == hashlib.sha256(data).hexdigest()


async def test_live_stdin_that_nobody_reads_ends_with_the_program(bench: Bench) -> None:
    """A piece that the program never reads is given up when it ends; another goes nowhere."""
    async with bench.open("import time; time.sleep(0.5)") as opened:
        running = live(opened)
        await asyncio.sleep(0)
        await opened.cell.feed(b"x" * 1_000_000)
        await opened.cell.feed(b"more")
        assert (await running).verdict == "accepted"
        assert (await opened.step(Command(opened.argv(), opened.env))).verdict == "accepted"


async def test_arguments_arrive_one_by_one(bench: Bench) -> None:
    """Arguments arrive one by one, empty ones and those with blanks and quotes too; no shell reads them."""
    args = ("", "two words", "$HOME", "ünder", "--flag=*", "'quoted\"")
    ran = await bench.run("import sys; print('|'.join(sys.argv[1:]))", args=args)
    assert ran.stdout.decode() == "|".join(args) + "\n"


async def test_environment_is_what_was_given_and_nothing_else(bench: Bench) -> None:
    """The environment is what the step was given, nothing of the executor's."""
    async with bench.open("") as opened:
        ran = await opened.step(Command(("/usr/bin/env",), (("GLASS", "bell=1"), ("PATH", "/usr/bin"))))
    assert sorted(ran.stdout.decode().splitlines()) == ["GLASS=bell=1", "PATH=/usr/bin"]


async def test_files_in_directories_are_there(bench: Bench) -> None:
    """Files are written at their relative paths, with the directories above them."""
    files = (("data/deep/er.bin", bytes(range(256))), ("leer.txt", b""), ("ünder.txt", "ü".encode()))
    source = """
from pathlib import Path
print(len(Path("data/deep/er.bin").read_bytes()), Path("leer.txt").stat().st_size, Path("ünder.txt").read_text())
"""
    ran = await bench.run(source, files=files)
    assert ran.stdout.decode() == "256 0 ü\n"


async def test_large_file_arrives_complete(bench: Bench) -> None:
    """A file of megabytes arrives complete."""
    content = bytes(i * 11 % 256 for i in range(4_000_000))
    source = "import hashlib; print(hashlib.sha256(open('big', 'rb').read()).hexdigest())"
    ran = await bench.run(source, files=(("big", content),))
    assert ran.stdout.decode().strip() == hashlib.sha256(content).hexdigest()


async def test_files_that_do_not_fit_end_the_run_with_the_disk_limit(bench: Bench) -> None:
    """Files that don't fit into the work directory end the run, naming the disk limit."""
    limits = bench.limits(disk_bytes=1024 * 1024)
    ran = await bench.run("print('never')", files=(("big", b"x" * 3_000_000),), limits=limits)
    if bench.lacks("disk"):
        assert ran.verdict == "accepted"
        return
    assert ran.verdict == "runtime_error"
    assert ran.judged.evidence.limit == "disk_bytes"


async def test_file_paths_that_leave_the_work_directory_are_refused(bench: Bench) -> None:
    """A path that would lead out of the work directory is refused."""
    for path in ("../out", "a/../../out", "/tmp/out", "a//b", "."):
        ran = await bench.run("print('never')", files=((path, b"x"),))
        assert ran.facts.file_errno != 0, path


async def test_files_do_not_follow_links_of_an_earlier_step(bench: Bench) -> None:
    """Files are not written through links that an earlier step left."""
    async with bench.open("import os; os.symlink('/tmp', 'link'); open('/tmp/target', 'w').write('safe')") as opened:
        await opened.step()
        await opened.cell.add_files([("link/target", b"overwritten")])
        ran = await opened.step(Command(("/bin/cat", "/tmp/target"), ENV))
    assert ran.facts.file_errno != 0
    assert b"overwritten" not in ran.stdout


async def test_work_directory_is_writable_and_empty_but_for_the_program(bench: Bench) -> None:
    """The program starts in its work directory, which can be written and holds nothing but the program's files."""
    source = """
import os
print(os.getcwd() == os.environ['HOME'], sorted(os.listdir('.')))
open('new', 'w').write('x')
print(os.path.getsize('new'))
"""
    ran = await bench.run(source, at_home=True)
    assert ran.stdout.decode() == "True ['main.py']\n1\n"
