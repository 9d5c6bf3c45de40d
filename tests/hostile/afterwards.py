"""What runs might leave on this machine, to be compared before and after them."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

#: How long a kernel under load may take to take apart what has ended.
_SETTLED_S = 10.0
_SELF_TESTS_S = 30.0


@dataclass(frozen=True)
class Traces:
    """Everything of one executor's cells that is seen from outside; numbers where names change with every run."""

    children: int
    in_cells: int
    of_user: int
    cgroups: int
    mounts: int
    descriptors: int | None
    shared_memory: int
    files: tuple[str, ...]


def traces(executor_pid: int) -> Traces:
    """What is there now."""
    mounts = Path(f"/proc/{executor_pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    return Traces(
        children=len(_below(executor_pid)),
        in_cells=len(_of_cells(executor_pid)),
        of_user=_of_user(),
        cgroups=len(cell_groups(executor_pid)),
        mounts=sum("cloche" in line and "/exposed-" not in line for line in mounts),
        descriptors=_descriptors(executor_pid),
        shared_memory=_hostile_segments(),
        files=tuple(sorted(str(p) for place in ("/tmp", "/dev/shm", "/var/tmp") for p in Path(place).glob("*mark*"))),
    )


def cell_groups(executor_pid: int) -> list[Path]:
    """The cgroups of an executor's cells, in whatever hierarchy."""
    walked = os.walk("/sys/fs/cgroup")  # unlike glob it goes on where a group has just gone
    prefix = f"cloche-{executor_pid}-"
    return [Path(folder) / name for folder, names, _ in walked for name in names if name.startswith(prefix)]


async def quiet(executor_pid: int) -> Traces:
    """What is there once the executor's own self-tests are over."""
    async with asyncio.timeout(_SELF_TESTS_S):
        while (now := traces(executor_pid)).in_cells + now.children:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.05)
        return now


async def settled(executor_pid: int, before: Traces) -> Traces:
    """What is there once it equals ``before``, or what is there when the time is over."""
    try:
        async with asyncio.timeout(_SETTLED_S):
            while (now := traces(executor_pid)) != before:  # noqa: ASYNC110  (the kernel tells nobody)
                await asyncio.sleep(0.05)
            return now
    except TimeoutError:
        return traces(executor_pid)


def _below(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text(encoding="ascii").split()]


def _of_cells(executor_pid: int) -> list[str]:
    """Processes in a cgroup of this executor's cells, wherever they hang in the tree."""
    found: list[str] = []
    for entry in _processes():
        try:
            if f"/cloche-{executor_pid}-" in (entry / "cgroup").read_text(encoding="utf-8"):
                found.append(entry.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _of_user() -> int:
    """Processes of the ordinary user who runs the tests; root has too many others."""
    if os.geteuid() == 0:
        return 0
    count = 0
    for entry in _processes():
        try:
            count += entry.stat().st_uid == os.geteuid()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return count


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _descriptors(pid: int) -> int | None:
    """None where the executor made itself unreadable for its own user."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return None


def _hostile_segments() -> int:
    """System V segments with the keys that the programs use (0xC10C50 and on)."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    return sum(0xC10C50 <= int(line.split()[0]) <= 0xC10C5F for line in lines)
