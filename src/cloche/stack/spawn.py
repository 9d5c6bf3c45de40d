"""How a child process is described and started, with the identity and the view of files it needs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cloche.stack import child


@dataclass(frozen=True, slots=True)
class Identity:
    """An account by numbers; a process that is not root can only be itself.

    ``users`` are further users of the host, (first, count), that it may give to its children.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    users: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """A program, who it runs as (None: as the caller) and when it is told that its parent died.

    ``exposed`` are paths the program needs although a closed directory such as /root may lie above
    them; the flag says whether they stay writable. ``descriptors`` keep their numbers. ``cgroup``
    is a directory of cgroup v2 that the program begins in.
    """

    argv: Sequence[str]
    identity: Identity | None = None
    death_signal: int = signal.SIGKILL
    exposed: Sequence[tuple[Path, bool]] = ()
    descriptors: Sequence[int] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    cgroup: Path | None = None

    def spawn_argv(self) -> list[str]:
        """The command line to start from this process; it dies with the thread that starts it."""
        spec = child.Spec(
            argv=list(self.argv),
            parent=os.getpid(),
            death_signal=int(self.death_signal),
            uid=self.identity.uid if self.identity else None,
            gid=self.identity.gid if self.identity else 0,
            groups=list(self.identity.groups) if self.identity else [],
            users=self.identity.users if self.identity else None,
            exposed=[(str(path), writable) for path, writable in self.exposed],
            cgroup=str(self.cgroup) if self.cgroup else None,
        )
        return [sys.executable, "-I", "-S", str(Path(child.__file__)), json.dumps(spec)]

    def spawn_environment(self) -> dict[str, str]:
        """The environment: little of ours, and nothing secret."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
        return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **self.environment}

    def start(self, output: int | IO[Any]) -> subprocess.Popen[bytes]:
        """Start it in a session of its own; stdout and stderr go to ``output``."""
        return subprocess.Popen(
            self.spawn_argv(),
            env=self.spawn_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(self.descriptors),
            start_new_session=True,
        )

    def run(self, *, timeout_s: float) -> str:
        """Run to its end and answer what it wrote.

        Raises:
            StackError: it failed, or took longer than ``timeout_s``.
        """
        try:
            done = subprocess.run(
                self.spawn_argv(),
                env=self.spawn_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StackError(f"{self.argv[0]} took longer than {timeout_s:.0f} s") from None
        text = done.stdout.decode(errors="replace").strip()
        if done.returncode != 0:
            raise StackError(f"{Path(self.argv[0]).name} failed (status {done.returncode}): {text[-2000:]}")
        return text


class StackError(Exception):
    """Something about this machine or its data directory stops Cloche; the message says what to do."""
