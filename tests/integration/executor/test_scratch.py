"""Directories of process cells: whose they are, and how they go."""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from cloche.executor.engines.local.scratch import ScratchDirectories


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


async def test_a_living_executors_directories_stay_and_a_dead_ones_go(tmp_path: Path) -> None:
    left = tmp_path / "cloche-cells-left"
    (left / "cell-0" / "work").mkdir(parents=True)
    first, second = ScratchDirectories(), ScratchDirectories()
    first.start()
    of_first = first.make(None)
    second.start()
    assert of_first.exists()
    assert not left.exists()
    await first.close()
    await second.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208  (a test's own directory)


async def test_two_executors_that_start_at_once_leave_each_other_their_directories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = ScratchDirectories(), ScratchDirectories()
    make = tempfile.mkdtemp

    def made_and_then_the_second_starts(**options: str) -> str:
        made = make(**options)
        monkeypatch.setattr(tempfile, "mkdtemp", make)
        second.start()
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", made_and_then_the_second_starts)
    first.start()
    assert first.make(None).exists()
    assert second.make(None).exists()
    await first.close()
    await second.close()


async def test_what_a_program_left_is_out_of_reach_at_once_and_gone_in_the_end(tmp_path: Path) -> None:
    scratch = ScratchDirectories()
    scratch.start()
    cell = scratch.make(None)
    here = os.open(cell / "work", os.O_RDONLY)
    for _ in range(2000):  # deeper than a path may be long
        os.mkdir("d" * 20, 0o700, dir_fd=here)
        deeper = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.fchmod(here, 0)
    os.close(here)
    async with asyncio.timeout(5):
        await scratch.remove(cell)
    assert not cell.exists() or cell.stat().st_mode & 0o077 == 0
    await scratch.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208  (a test's own directory)
