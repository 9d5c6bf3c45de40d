"""What the supervisor says about its children: the words, the file, and whether it is still true."""

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from cloche.stack.options import Layout

_LOCK_TIMEOUT_S: Final = 1.0
_LOCK_PAUSE_S: Final = 0.02

ChildWord = Literal["waiting", "starting", "ready", "unready", "backoff", "stopping", "stopped"]


@dataclass(slots=True)
class ChildStatus:
    """One child. ``last_exit`` is in words; times are RFC 3339."""

    name: str
    state: ChildWord = "waiting"
    pid: int | None = None
    restarts: int = 0
    since: str | None = None
    last_exit: str | None = None
    last_exit_at: str | None = None
    message: str = ""


@dataclass(slots=True)
class StackStatus:
    """The whole stack. ``ready`` means that every child is."""

    pid: int
    url: str
    data_dir: str
    engine: str
    require_keys: bool
    started_at: str
    children: list[ChildStatus] = field(default_factory=list[ChildStatus])

    @property
    def ready(self) -> bool:
        """Whether every child is ready."""
        return all(child.state == "ready" for child in self.children)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "ready": self.ready}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "StackStatus":
        """What ``to_json`` wrote."""
        known = {name: value for name, value in data.items() if name not in {"ready", "children"}}
        return cls(**known, children=[ChildStatus(**child) for child in data["children"]])


def write_status(path: Path, status: StackStatus) -> None:
    """Replace the file in one step. A full disk keeps the old one."""
    fresh = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps(status.to_json()), encoding="utf-8")
        fresh.replace(path)


def read_status(layout: Layout) -> StackStatus | None:
    """What the running supervisor last wrote; None when none runs, whatever a dead one left behind."""
    pid = supervisor_pid(layout)
    if pid is None:
        return None
    try:
        status = StackStatus.from_json(json.loads(layout.status.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return status if status.pid == pid else None


def take_lock(layout: Layout) -> int | None:
    """A descriptor that marks this process as the data directory's supervisor; None when another one is.

    Who asks for the state holds the lock for a moment too, so it is tried for a second. Blocks.
    """
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
        time.sleep(_LOCK_PAUSE_S)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def supervisor_pid(layout: Layout) -> int | None:
    """The process that holds the data directory, or None."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).decode()
        return int(text) if text.isdecimal() else None
    else:
        return None
    finally:
        os.close(descriptor)
