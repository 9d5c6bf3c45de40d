"""What a program writes arrives byte for byte, counted, cut where it must be."""

import asyncio
import hashlib
import time

from bench import Bench


async def test_utf8_output_arrives_unchanged(bench: Bench) -> None:
    """UTF-8 output arrives unchanged."""
    ran = await bench.run("print('grüß Gott, 世界 🔔')")
    assert ran.stdout.decode() == "grüß Gott, 世界 🔔\n"
    assert ran.verdict == "accepted"


async def test_bytes_that_are_not_utf8_arrive_unchanged(bench: Bench) -> None:
    """Bytes that are no UTF-8 arrive unchanged."""
    ran = await bench.run("import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)")
    assert ran.stdout == bytes(range(256)) * 3


async def test_stdout_and_stderr_stay_apart(bench: Bench) -> None:
    """Stdout and stderr are kept apart."""
    ran = await bench.run("import sys; print('out'); print('err', file=sys.stderr)")
    assert (ran.stdout, ran.stderr) == (b"out\n", b"err\n")


async def test_program_without_output_has_none(bench: Bench) -> None:
    """A program that writes nothing has no output."""
    ran = await bench.run("")
    assert (ran.stdout, ran.stderr) == (b"", b"")
    assert (ran.facts.done.out_written, ran.facts.done.err_written) == (0, 0)


async def test_megabytes_of_output_arrive_complete(bench: Bench) -> None:
    """Megabytes of output below the limit arrive complete."""
    limits = bench.limits(output_bytes=8 * 1024 * 1024)
    ran = await bench.run(
        "import sys; sys.stdout.buffer.write(bytes(i % 251 for i in range(5_000_000)))", limits=limits
    )
    assert hashlib.sha256(ran.stdout).digest() == hashlib.sha256(bytes(i % 251 for i in range(5_000_000))).digest()
    assert ran.facts.done.out_written == ran.facts.done.out_kept == 5_000_000


async def test_output_of_exactly_the_limit_is_accepted(bench: Bench) -> None:
    """Output of exactly the limit is accepted."""
    ran = await bench.run("print('x' * 999)", limits=bench.limits(output_bytes=1000))
    assert ran.verdict == "accepted"
    assert len(ran.stdout) == 1000


async def test_one_byte_over_the_output_limit_ends_the_run_and_is_counted(bench: Bench) -> None:
    """One byte more than the limit ends the run; what is kept is cut at the limit, what was written is counted."""
    ran = await bench.run(
        "import sys, time; sys.stdout.write('x' * 1001); sys.stdout.flush(); time.sleep(60)",
        limits=bench.limits(output_bytes=1000),
    )
    assert ran.verdict == "output_limit_exceeded"
    assert len(ran.stdout) == ran.facts.done.out_kept == 1000
    assert ran.facts.done.out_written == 1001


async def test_output_limit_holds_for_stderr_apart(bench: Bench) -> None:
    """The output limit holds for stdout and stderr each."""
    source = "import sys; print('x' * 900); sys.stderr.write('y' * 2000)"
    ran = await bench.run(source, limits=bench.limits(output_bytes=1000))
    assert ran.verdict == "output_limit_exceeded"
    assert (len(ran.stdout), len(ran.stderr)) == (901, 1000)


async def test_output_before_a_kill_is_kept(bench: Bench) -> None:
    """Output from before a limit was passed is kept."""
    ran = await bench.run("echo before; sleep 60", runtime="bash", limits=bench.limits(wall_time_s=0.5))
    assert ran.verdict == "time_limit_exceeded"
    assert ran.stdout == b"before\n"


async def test_output_appears_while_the_program_runs(bench: Bench) -> None:
    """Output arrives while the program runs, not at its end."""
    async with bench.open("print('first'); import time; time.sleep(60)") as opened:
        seen = opened.watch(b"first\n")
        running = asyncio.create_task(opened.step(limits=bench.limits(wall_time_s=60)))
        await asyncio.wait_for(seen.wait(), 10)
        assert not running.done()
        await opened.cell.kill()
        await running


async def test_waiting_for_a_slow_reader_is_not_wall_time(bench: Bench) -> None:
    """A program that needs hardly any time itself survives a reader slower than its wall limit."""
    limits = bench.limits(wall_time_s=1.0, output_bytes=4 * 1024 * 1024)
    async with bench.open("import sys; sys.stdout.buffer.write(b'x' * 3_000_000)", limits=limits) as opened:
        opened.pause_s = 2.5
        begun = time.monotonic()
        ran = await opened.step(limits=limits)
    assert time.monotonic() - begun > 2.5
    assert ran.verdict == "accepted"
    assert len(ran.stdout) == 3_000_000
    assert ran.facts.done.wall_us < 1_000_000


async def test_fake_frames_on_stdout_are_plain_output(bench: Bench) -> None:
    """The launcher's own frames, printed by a program, are plain output."""
    fake = "D" + "\\0\\0\\0\\x10" + "exit_code=0\\0killed=none\\0"
    ran = await bench.run(f"import sys; sys.stdout.write('{fake}' * 50); sys.exit(7)")
    assert ran.facts.done.exit_code == 7
    assert ran.stdout.startswith(b"D\0\0\0\x10exit_code=0\0killed=none\0D")
    assert len(ran.stdout) == 50 * (5 + len(b"exit_code=0\0killed=none\0"))
