"""What runs might leave on this machine, to be compared before and after them."""

import asyncio
import contextlib
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
    descriptors: tuple[str, ...]
    shared_memory: int
    files: tuple[str, ...]


def traces(executor_pid: int) -> Traces:
    """What is there now."""
    mounts = Path(f"/proc/{executor_pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    segments, files = host_marks()
    return Traces(
        children=len(_descendants(executor_pid)),
        in_cells=len(_of_cells(executor_pid)),
        of_user=_of_user(),
        cgroups=len(cell_groups(executor_pid)),
        mounts=sum("cloche" in line and "/exposed-" not in line for line in mounts),
        descriptors=_descriptors(executor_pid),
        shared_memory=segments,
        files=files,
    )


def host_marks() -> tuple[int, tuple[str, ...]]:
    """What the programs leave where they can: System V segments with their keys, files with their names."""
    places = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"))
    return _hostile_segments(), tuple(sorted(str(path) for place in places for path in place.glob("*mark*")))


def cell_groups(executor_pid: int) -> list[Path]:
    """The cgroups of an executor's cells, in whatever hierarchy."""
    walked = os.walk("/sys/fs/cgroup")  # unlike glob it goes on where a group has just gone
    prefix = f"cloche-{executor_pid}-"
    return [Path(folder) / name for folder, names, _ in walked for name in names if name.startswith(prefix)]


async def quiet(executor_pid: int) -> Traces:
    """What is there once the executor's own self-tests are over: no process of its but the one that spawns cells."""
    earlier = None
    async with asyncio.timeout(_SELF_TESTS_S):
        # Twice the same: a connection just closed takes a moment to go.
        while (now := traces(executor_pid)) != earlier or now.in_cells or now.children != 1:
            earlier = now
            await asyncio.sleep(0.2)
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


def _descendants(pid: int) -> list[str]:
    """Its children and theirs: the spawner and the makers of cells."""
    found = _below(pid)
    for child in list(found):
        with contextlib.suppress(FileNotFoundError):
            found += _below(int(child))
    return found


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


def _descriptors(executor_pid: int) -> tuple[str, ...]:
    """The executor's and its spawner's by kind; none where they made themselves unreadable for their own user.

    The networks that the spawner keeps for the next cells are as many as there were cells at once.
    """
    try:
        links = [link for pid in (str(executor_pid), *_below(executor_pid)) for link in _open_of(pid)]
    except PermissionError:
        return ()
    kinds = (link.partition(":[")[0] for link in links)
    return tuple(sorted(kind for kind in kinds if kind != "net"))


def _open_of(pid: str) -> list[str]:
    found: list[str] = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(fd.readlink()))
    return found


def _hostile_segments() -> int:
    """System V segments with the keys that the programs use (0xC10C50 and on)."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    return sum(0xC10C50 <= int(line.split()[0]) <= 0xC10C5F for line in lines)
