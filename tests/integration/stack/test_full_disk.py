"""A full disk is told clearly, and costs nothing that was stored."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from cloche.stack import control
from cloche.stack.accounts import is_root
from cloche.stack.options import Layout, StackOptions
from cloche.stack.spawn import StackError
from cloche.stack.stores import recall_owner

from .conftest import cloche, eventually, start

pytestmark = pytest.mark.skipif(not is_root(), reason="only root can mount a small disk")


@pytest.fixture
def small_disk(passable: Path) -> Iterator[Path]:
    """A disk of 320 MiB."""
    folder = passable / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m,mode=0755", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def options(small_disk: Path, stack_options: StackOptions) -> Iterator[StackOptions]:
    """A stack on the small disk, stopped before the disk goes."""
    yield (on_disk := replace(stack_options, data_dir=small_disk / "d"))
    control.stop_supervisor(on_disk.data_dir)


def fill(folder: Path) -> Path:
    """Leave not a byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)) > 0:
                pass
        except OSError:
            pass
    return ballast


async def insert(options: StackOptions, rows: int) -> None:
    connection = await asyncpg.connect(recall_owner(Layout(options.data_dir)))
    try:
        await connection.execute(
            "INSERT INTO evaluation (id, tenant, runtime, name) "
            "SELECT gen_random_uuid(), 't', 'r', repeat('x', 1000) FROM generate_series(1, $1::int)",
            rows,
        )
    finally:
        await connection.close()


async def count(options: StackOptions) -> int:
    connection = await asyncpg.connect(recall_owner(Layout(options.data_dir)))
    try:
        return await connection.fetchval("SELECT count(*) FROM evaluation")
    finally:
        await connection.close()


def test_a_first_start_on_a_full_disk_says_so_and_leaves_nothing(options, small_disk) -> None:
    fill(small_disk)
    done = cloche("up", "--detach", "--port", str(options.port), "--data-dir", str(options.data_dir))
    assert done.returncode == 1
    assert "is full" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_disk_that_fills_up_costs_nothing_stored_while_it_runs_and_when_it_starts(options, small_disk) -> None:
    start(options)
    await insert(options, 10)
    ballast = fill(small_disk)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await insert(options, 100_000)
    ballast.unlink()
    await eventually(lambda: (found := control.running(options.data_dir)) is not None and found.ready, timeout_s=60)
    assert await count(options) == 10
    await insert(options, 1)
    await asyncio.to_thread(control.stop_supervisor, options.data_dir)
    ballast = fill(small_disk)
    with pytest.raises(StackError, match="is full"):
        control.start_supervisor(options, attached=False)
    ballast.unlink()
    start(options)
    assert await count(options) == 11
