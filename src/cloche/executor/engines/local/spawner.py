"""The process that launchers are forked from (``launcher/spawner.h``), seen from the executor.

Making a cell is one packet to it: this process neither forks nor waits for an exec, nor for the kernel's one lock
around cgroups, while other cells' output waits.
"""

import asyncio
import contextlib
import errno
import os
import select
import signal
import socket
from dataclasses import dataclass
from typing import Final

from cloche.executor.engines.engine import EngineError
from cloche.executor.engines.local.pipes import PipeReader, PipeWriter
from cloche.kit.logs import get_logger

log = get_logger()

#: It answers at once; a machine that keeps it from running this long has other troubles.
_SEND_S: Final = 5.0
_ANSWER_BYTES: Final = 64
#: What it takes. Source: launcher/spawner.c.
_MOST_BYTES: Final = 200 * 1024
_MOST_WORDS: Final = 1024


class LauncherExit:
    """The end of a launcher and its cell."""

    def __init__(self, number: int, spawner: "Spawner") -> None:
        self._number = number
        self._spawner = spawner
        self._known: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Whether its cgroups are proven gone, and every process of theirs with them. Meaningful once it has ended.
        self.clean = False

    @property
    def ended(self) -> bool:
        """Whether it has ended, without waiting."""
        if not self._known.done():
            self._spawner.listen()
        return self._known.done()

    async def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within ``timeout_s``."""
        if not self._known.done():
            await asyncio.wait((self._known,), timeout=timeout_s)
        return self._known.done()

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        if not self._known.done():
            self._spawner.kill(self._number)

    def set(self, *, clean: bool) -> None:
        """What the spawner said."""
        self.clean = clean
        if not self._known.done():
            self._known.set_result(None)


@dataclass(frozen=True)
class Child:
    """A spawned launcher: its end, our ends of its pipes, and a file with its last words."""

    exit: LauncherExit
    reader: PipeReader
    writer: PipeWriter
    stderr_fd: int

    def close(self) -> None:
        """Close our ends; the launcher's follow."""
        self.writer.close()
        self.reader.close()
        with contextlib.suppress(OSError):
            os.close(self.stderr_fd)


class Spawner:
    """One for each engine; started when first needed, and again should it die."""

    def __init__(self, launcher: str) -> None:
        self._launcher = launcher
        self._socket: socket.socket | None = None
        self._pid = 0
        self._made = 0
        self._exits: dict[int, LauncherExit] = {}

    def spawn(self, order: list[str]) -> Child:
        """A launcher with fresh pipes and these words as its order.

        Raises:
            EngineError: no pipes, no process.
        """
        fds: list[int] = []
        try:
            fds += (*os.pipe2(os.O_CLOEXEC), *os.pipe2(os.O_CLOEXEC), os.memfd_create("cell-stderr"))
            stdin, to_child, from_child, stdout, stderr = fds
            self._made += 1
            self._send([str(self._made), *order], [stdin, stdout, stderr])
        except OSError as error:
            for fd in fds:
                os.close(fd)
            raise EngineError(str(error)) from error
        os.close(stdin)
        os.close(stdout)
        end = self._exits[self._made] = LauncherExit(self._made, self)
        return Child(end, PipeReader(from_child), PipeWriter(to_child), stderr)

    def kill(self, number: int) -> None:
        """SIGKILL to a launcher; nothing where none is left."""
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._send([str(number), "kill"], [])

    def listen(self) -> None:
        """Take what has been said."""
        while self._socket is not None:
            try:
                said = self._socket.recv(_ANSWER_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                said = b""
            if not said:
                self._lost()
                return
            number, _, left = (int(word) for word in said.split())
            self._exits.pop(number).set(clean=left == 0)

    async def close(self) -> None:
        """End it; no launcher must be left that anybody waits for."""
        pid = self._pid
        if self._socket is not None:
            self._forget_socket()
            await asyncio.to_thread(os.waitpid, pid, 0)

    def _send(self, words: list[str], fds: list[int]) -> None:
        if self._socket is None:
            self._start()
        assert self._socket is not None
        packet = b"".join(word.encode() + b"\0" for word in words)
        if len(packet) > _MOST_BYTES or len(words) > _MOST_WORDS:
            raise OSError(errno.E2BIG, "the view of its toolchain has too many paths")
        try:
            # Full only while it does not get to run; then nothing else of ours would either.
            if not select.select([], [self._socket], [], _SEND_S)[1]:
                raise TimeoutError("the spawner does not listen")
            socket.send_fds(self._socket, [packet], fds)
        except (BrokenPipeError, ConnectionResetError):
            self._lost()
            raise

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._pid = os.posix_spawn(
                self._launcher,
                ["cell-launcher", "spawner"],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                setsigdef=[signal.SIGPIPE],
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)  # noqa: FBT003  (the library's word)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self.listen)

    def _lost(self) -> None:
        """It died, and with it its launchers; that nothing of theirs is left their groups must show."""
        self._forget_socket()
        log.error("spawner.lost", status=os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]))
        exits, self._exits = self._exits, {}
        for each in exits.values():
            each.set(clean=False)

    def _forget_socket(self) -> None:
        assert self._socket is not None
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None
