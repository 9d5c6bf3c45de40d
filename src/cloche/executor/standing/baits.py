"""What a leaking cell would find: a file on this machine, and a socket on which the executor listens."""

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Generator
from pathlib import Path

from cloche.executor.standing.attempts import BAIT_FILE, BAIT_SOCKET, EXECUTOR_PID, NAMESPACES


@contextlib.contextmanager
def laid_out() -> Generator[dict[str, str]]:
    """The words of ``attempts`` and what they stand for; gone when this ends.

    The file is empty and readable for every user, so that only the cell hides it, also on a full disk.

    Raises:
        OSError: neither could be made.
    """
    name = f"cloche-bait-{secrets.token_hex(8)}"
    path = Path(tempfile.gettempdir()) / name
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"\0{name}")
        listener.listen(8)
        path.touch(mode=0o644)
        try:
            path.chmod(0o644)
            own = {word: str(Path("/proc/self/ns", kind).readlink()) for word, kind in NAMESPACES.items()}
            yield {BAIT_FILE: str(path), BAIT_SOCKET: name, EXECUTOR_PID: str(os.getpid()), **own}
        finally:
            path.unlink(missing_ok=True)
