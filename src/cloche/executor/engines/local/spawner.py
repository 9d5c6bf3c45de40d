"""The process that launchers are forked from (``launcher/spawner.h``), seen from the executor.

Making a cell is one packet to it: this process neither forks nor waits for an exec, nor for the kernel's one lock
around cgroups, while other cells' output waits.
"""

import asyncio
import contextlib
import errno
import os
import resource
import select
import signal
import socket
from dataclasses import dataclass
from typing import Final

from cloche.contracts.limits import MAXIMA
from cloche.executor.engines.engine import EngineError
from cloche.executor.engines.local.pipes import PipeReader, PipeWriter
from cloche.kit.logs import get_logger

log = get_logger()

#: It answers at once; one that does not get to run this long hangs.
_SEND_MS: Final = 3000
#: It waits 10 s for its launchers. Source: launcher/spawner.c.
_LEAVE_S: Final = 12.0
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
    """One for each engine; started when first needed, and again should it die or hang."""

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
        self._made += 1
        with contextlib.ExitStack() as mine:
            try:
                stdin, to_child = _pipe(mine)
                from_child, stdout = _pipe(mine)
                stderr = os.memfd_create("cell-stderr")
                mine.callback(os.close, stderr)
                self._ask([str(self._made), *order], [stdin, stdout, stderr])
            except OSError as error:
                raise EngineError(str(error)) from error
            mine.pop_all()
        os.close(stdin)
        os.close(stdout)
        end = self._exits[self._made] = LauncherExit(self._made, self)
        return Child(end, PipeReader(from_child), PipeWriter(to_child), stderr)

    def kill(self, number: int) -> None:
        """SIGKILL to a launcher; nothing where none is left."""
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.send(_packet([str(number), "kill"]))

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
        if self._socket is None:
            return
        self._forget_socket()
        try:
            async with asyncio.timeout(_LEAVE_S):
                while os.waitpid(self._pid, os.WNOHANG)[0] == 0:  # noqa: ASYNC110, ASYNC222  (it does not block; a pidfd for one wait is more)
                    await asyncio.sleep(0.002)
        except TimeoutError:
            self._kill()

    def _ask(self, words: list[str], fds: list[int]) -> None:
        packet = _packet(words)
        if len(packet) > _MOST_BYTES or len(words) > _MOST_WORDS:
            raise OSError(errno.E2BIG, "the view of its toolchain has too many paths")
        for again in (True, False):
            try:
                socket.send_fds(self._listening(), [packet], fds)
            except (BrokenPipeError, ConnectionResetError):
                self._lost()
                if not again:
                    raise
            else:
                return

    def _listening(self) -> socket.socket:
        """The socket, once there is room in it."""
        if self._socket is None:
            self._socket = self._start()
        room = select.poll()
        room.register(self._socket, select.POLLOUT)
        if not room.poll(_SEND_MS):
            os.kill(self._pid, signal.SIGKILL)
            self._lost()
            raise TimeoutError("the spawner hangs")
        return self._socket

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._pid = os.posix_spawn(
                self._launcher,
                ["cell-launcher", "spawner"],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                setsid=True,  # a terminal's signals are for the executor, which may want to drain
                setsigdef=[signal.SIGPIPE, signal.SIGCHLD],
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)  # noqa: FBT003  (the library's word)
        asyncio.get_running_loop().add_reader(ours.fileno(), self.listen)
        return ours

    def _lost(self) -> None:
        """It died, and with it its launchers; that nothing of theirs is left their groups must show."""
        self._forget_socket()
        log.error("spawner.lost", status=self._kill())
        exits, self._exits = self._exits, {}
        for each in exits.values():
            each.set(clean=False)

    def _kill(self) -> int:
        """End it for good; how it ended."""
        os.kill(self._pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _forget_socket(self) -> None:
        assert self._socket is not None
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None


def raise_open_files() -> None:
    """To what is allowed: the kernel compares it with all descriptors that this user is passing along, cells' included.

    Source: too_many_unix_fds in Linux, net/core/scm.c and net/unix/af_unix.c.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def few_open_files() -> bool:
    """Whether a program with the most open files that a submission may have could use that up."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * MAXIMA.open_files


def _pipe(closing: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe2(os.O_CLOEXEC)
    for fd in ends:
        closing.callback(os.close, fd)
    return ends


def _packet(words: list[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)
