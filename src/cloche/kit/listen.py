"""Where a service listens: ``unix:/path``, ``tcp:host:port`` or ``fd:3`` (opened by the supervisor)."""

import ipaddress
import os
import socket
import stat
from pathlib import Path

BACKLOG = 2048


class ListenError(Exception):
    """The address can't be listened on."""


def open_listener(address: str, *, mode: int = 0o600) -> socket.socket:
    """A listening socket for ``address``; a unix socket gets ``mode`` before anyone can connect.

    Raises:
        ListenError: the address is malformed, in use, or not permitted.
    """
    kind, _, rest = address.partition(":")
    try:
        match kind:
            case "fd":
                return socket.socket(fileno=int(rest))
            case "unix":
                return _unix(Path(rest), mode)
            case "tcp":
                host, _, port = rest.rpartition(":")
                return _tcp(host.strip("[]"), int(port))
            case _:
                raise ListenError(f"not an address: {address!r}")
    except OSError as error:
        raise ListenError(f"can't listen on {address}: {error.strerror}") from error
    except ValueError:
        raise ListenError(f"not an address: {address!r}") from None


def is_local(address: str) -> bool:
    """Whether only this machine can reach ``address``; who passes an open socket vouches for it."""
    if not address.startswith("tcp:"):
        return True
    host = address.removeprefix("tcp:").rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unix(path: Path, mode: int) -> socket.socket:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old)
    path.chmod(mode)
    listener.listen(BACKLOG)
    return listener


def _tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener
