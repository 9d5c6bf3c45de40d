"""Every listening socket, opened before anything starts and kept open while children come and go."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from cloche.kit.listen import BACKLOG
from cloche.stack.accounts import is_root
from cloche.stack.parts import Part, socket_gid
from cloche.stack.spawn import StackError


class Sockets:
    """The listeners of some parts, by name. Closing them removes their files."""

    def __init__(self, folder: Path, base_uid: int) -> None:
        self._folder = folder
        self._base_uid = base_uid
        self._open: dict[str, socket.socket] = {}

    def open(self, parts: Iterable[Part], host: str, port: int) -> None:
        """Listen for each of ``parts``; connections wait until its process takes them.

        Raises:
            StackError: the port is in use or not permitted, or a socket can't be made.
        """
        for part in parts:
            for name in part.listens.values():
                self._open[name] = _listen_tcp(host, port) if name == "tcp" else self._listen_unix(name)

    def descriptor(self, name: str) -> int:
        """The number a child inherits."""
        return self._open[name].fileno()

    def path(self, name: str) -> Path:
        """Where callers find it."""
        return self._folder / f"{name}.sock"

    def close(self) -> None:
        """Close all and remove their files. Idempotent."""
        for name, listener in self._open.items():
            listener.close()
            if name != "tcp":
                self.path(name).unlink(missing_ok=True)
        self._open.clear()

    def _listen_unix(self, name: str) -> socket.socket:
        path = self.path(name)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            path.chmod(0o600)
            if is_root():
                os.chown(path, 0, socket_gid(name, self._base_uid))
                path.chmod(0o660)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            reason = error.strerror or "its path is longer than a socket's may be; use a shorter --data-dir"
            raise StackError(f"Can't listen on {path}: {reason}.") from error
        return listener


def _listen_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StackError(
                f"Port {port} on {host} is in use by another program; choose another with --port."
            ) from None
        raise StackError(f"Can't listen on {host} port {port}: {error.strerror}.") from error
    return listener


def can_connect(path: Path) -> bool:
    """Whether somebody listens at ``path``."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(str(path))
        return True
    return False
