"""A child ends when it is asked to, at whatever moment, and comes back from whatever stopped its start."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cloche.stack.children import Child, ChildPlan, StartError
from cloche.stack.orphans import processes_in
from cloche.stack.spawn import ChildCommand


async def ready_at_once() -> None:
    """A check that never fails."""


@pytest.fixture
def sleeper(tmp_path: Path) -> Callable[..., ChildPlan]:
    """Call it for a plan of a process that stands in ``tmp_path`` and does nothing for ten minutes."""

    def plan(script: str = "exec sleep 600", **changes) -> ChildPlan:
        command = ChildCommand(["/bin/sh", "-c", f"cd {tmp_path}; {script}"])
        return ChildPlan(
            **{
                "name": "sleeper",
                "command": lambda: command,
                "ready": ready_at_once,
                "log_file": tmp_path / "log",
                **changes,
            }
        )

    return plan


async def test_a_stop_while_it_is_prepared_starts_nothing(sleeper, tmp_path) -> None:
    preparing, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def prepare() -> None:
        loop.call_soon_threadsafe(preparing.set)
        assert go_on.wait(30)

    child = Child(sleeper(prepare=prepare), lambda: None)
    starting = asyncio.create_task(child.start())
    await preparing.wait()
    starting.cancel()
    stopping = asyncio.create_task(child.stop())
    await asyncio.sleep(0)  # lets it begin
    go_on.set()
    async with asyncio.timeout(10):
        await stopping
    assert child.status.state == "stopped"
    assert child.status.last_exit is None
    assert not (tmp_path / "log").exists()


async def test_a_stop_while_it_is_spawned_ends_it(sleeper, tmp_path) -> None:
    stopping: list[asyncio.Task[None]] = []

    def command() -> ChildCommand:
        # It runs at the next pause of the spawn: before there is a process to signal.
        stopping.append(asyncio.create_task(child.stop()))
        return plan.command()

    plan = sleeper()
    child = Child(sleeper(command=command), lambda: None)
    await asyncio.gather(child.start(), return_exceptions=True)
    async with asyncio.timeout(10):
        await stopping[0]
    assert child.status.last_exit == "killed by SIGTERM"
    assert not processes_in(tmp_path, "sleep")


async def test_a_child_that_ignores_the_signal_is_killed_when_its_time_is_over(sleeper, tmp_path) -> None:
    async def ready() -> None:
        assert (tmp_path / "deaf").exists()

    plan = sleeper("trap '' TERM; touch deaf; while :; do sleep 600; done", ready=ready, stop_timeout_s=0.2)
    child = Child(plan, lambda: None)
    await child.start()
    async with asyncio.timeout(10):
        await child.stop()
    assert child.status.last_exit == "killed by SIGKILL"
    async with asyncio.timeout(5):
        while processes_in(tmp_path, "sleep"):  # noqa: ASYNC110  (its own child is the kernel's to bury)
            await asyncio.sleep(0.01)


async def test_a_start_that_the_machine_refuses_is_told_and_tried_again(sleeper, tmp_path) -> None:
    changed = asyncio.Event()
    child = Child(sleeper(), changed.set)

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                changed.clear()
                await changed.wait()

    await child.start()
    # A folder in the place of its log, as a full disk or too few descriptors would, makes the start fail.
    (tmp_path / "log").unlink()
    (tmp_path / "log").mkdir()
    assert child.status.pid is not None
    os.killpg(child.status.pid, signal.SIGKILL)
    await until(lambda: "can't be started: [Errno 21]" in child.status.message)
    assert child.status.state == "backoff"
    (tmp_path / "log").rmdir()
    await until(lambda: child.status.state == "ready" and child.status.restarts >= 2)
    await child.stop()


async def test_a_first_start_that_the_machine_refuses_is_given_up_with_the_reason(sleeper, tmp_path) -> None:
    (tmp_path / "log").mkdir()
    child = Child(sleeper(), lambda: None)
    with pytest.raises(StartError, match=r"3 times.*can't be started: \[Errno 21\]"):
        await child.start()
