"""What a leaking cell would find: a file, a socket on which the executor listens, what else is this machine's."""

import contextlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from cloche.executor.standing.attempts import BAIT_FILE, BAIT_SOCKET, CORE_PATTERN, EXECUTOR_PID, NAMESPACES

_CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


_PREFIX = "cloche-bait-"
#: No self-test takes this long: an older file is that of a killed executor.
_OLD_S = 3600.0


def _remove_old() -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another's, or just gone
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()


@contextlib.contextmanager
def laid_out() -> Generator[dict[str, str]]:
    """The words of ``attempts`` and what they stand for; gone when this ends.

    The file is empty and readable for every user, so that only the cell hides it, also on a full disk.

    Raises:
        OSError: neither could be made, or the machine does not say where it leaves memory dumps.
    """
    _remove_old()
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    path = Path(tempfile.gettempdir()) / name
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"\0{name}")
        listener.listen(8)
        path.touch(mode=0o644)
        try:
            path.chmod(0o644)
            own = {word: str(Path("/proc/self/ns", kind).readlink()) for word, kind in NAMESPACES.items()}
            fixed = {EXECUTOR_PID: str(os.getpid()), CORE_PATTERN: _CORE_PATTERN.read_text(encoding="utf-8").strip()}
            yield {BAIT_FILE: str(path), BAIT_SOCKET: name, **fixed, **own}
        finally:
            path.unlink(missing_ok=True)
