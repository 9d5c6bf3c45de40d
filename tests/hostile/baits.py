"""What lies on the host for hostile programs to find: if one does, the cell leaks.

Names are fixed, since programs know them; when another run of the tests holds one of them, that serves as well.
"""

import contextlib
import ctypes
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORD = "cloche-bait"
FILE = Path("/tmp") / WORD
SOCKET = Path("/tmp") / f"{WORD}.sock"
PORT = 46123
SHM_KEY = 0x0C10C4E
_IPC_CREAT, _IPC_EXCL, _IPC_RMID = 0o1000, 0o2000, 0


@dataclass(frozen=True)
class Baits:
    """What a starting executor gets on top: a descriptor it may inherit and variables."""

    descriptor: int
    environment: dict[str, str]


@contextlib.contextmanager
def laid_out() -> Iterator[Baits]:
    """A file, a socket in the file system, an abstract one, a TCP port, shared memory, a pipe, a variable."""
    with contextlib.ExitStack() as stack:
        _lay_file(stack)
        _listen(stack, socket.AF_UNIX, str(SOCKET))
        _listen(stack, socket.AF_UNIX, f"\0{WORD}")
        _listen(stack, socket.AF_INET, ("127.0.0.1", PORT))
        _lay_shared_memory(stack)
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        os.write(writing, WORD.encode())
        yield Baits(reading, {"BAIT_TOKEN": WORD})


def _lay_file(stack: contextlib.ExitStack) -> None:
    with contextlib.suppress(FileExistsError):
        FILE.touch(0o644, exist_ok=False)
        stack.callback(FILE.unlink, missing_ok=True)


def _listen(stack: contextlib.ExitStack, family: socket.AddressFamily, address: str | tuple[str, int]) -> None:
    listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError:
        return
    if address == str(SOCKET):
        SOCKET.chmod(0o666)
        stack.callback(SOCKET.unlink, missing_ok=True)


def _lay_shared_memory(stack: contextlib.ExitStack) -> None:
    libc = ctypes.CDLL(None)
    made = libc.shmget(SHM_KEY, 4096, _IPC_CREAT | _IPC_EXCL | 0o666)
    if made >= 0:
        stack.callback(libc.shmctl, made, _IPC_RMID, None)
