# ruff: noqa: T201  (a script whose stdout the test reads)
"""Runs one program in a process cell under Landlock of ABI 5, beside two bystanders: root, and another user."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from cloche.contracts.limits import Limits
from cloche.contracts.words import Stream
from cloche.executor.cell import Cell, Command
from cloche.executor.engines.engine import CellSpec, Toolchain
from cloche.executor.engines.local import engine as local
from cloche.executor.engines.local.users import FIRST_USER
from cloche.executor.runtimes import load_runtimes
from cloche.kit.logs import configure_logs

PYTHON = os.path.realpath("/usr/bin/python3")
_spawn = os.posix_spawn


async def main(launcher: str, source: str) -> None:
    """Say what held it, what it printed, how it ended, and who is left."""

    async def show(_: Stream, data: bytes) -> None:
        sys.stdout.write(data.decode())

    configure_logs("driver", "error")
    engine = local.LocalEngine(tiers=("process",))
    with mock.patch.object(local, "find_launcher", return_value=Path(launcher)):
        await engine.start()
    print(next(f for f in engine.tiers[0].features if f.startswith("landlock")))
    limits = Limits(wall_time_s=20)
    (runtime,) = load_runtimes(only=("python",))
    slot = await engine.open(
        CellSpec("old", runtime, Toolchain(PYTHON, readonly=("/usr",)), limits, isolation="process")
    )
    try:
        cell = Cell(slot)
        await cell.begin([], deadline_s=60)
        facts = await cell.run(Command((PYTHON, "-c", source), ()), limits, show)
    finally:
        await slot.destroy()
    await engine.close()
    print(f"exit {facts.done.exit_code}")


def without_scopes(path: str, argv: list[str], env: dict[str, str], **options: object) -> int:
    """As ``os.posix_spawn``, and tells the mutable launcher to do without."""
    return _spawn(path, argv, env | {"CLOCHE_MUTATION": "landlock-scopes"}, **options)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    bystanders = [subprocess.Popen(["sleep", "1000"], user=user) for user in (0, 12345)]
    with mock.patch.object(os, "posix_spawn", without_scopes):
        asyncio.run(main(sys.argv[1], sys.argv[2]))
    print("bystanders live:", all(one.poll() is None for one in bystanders))
    users = [path.stat().st_uid for path in Path("/proc").glob("[0-9]*")]
    print("left:", sum(uid >= FIRST_USER for uid in users))
    for one in bystanders:
        one.kill()
