"""Who is on the other side of a connection, and whether they may speak."""

import hmac
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from cloche.kit.errors import ForbiddenError, UnauthenticatedError


class _PeerSocket(Protocol):
    """What asyncio's and uvloop's transports give as their socket."""

    family: int

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Gate:
    """Who may come in: these users where the kernel can tell, and bearers of the token where there is one."""

    uids: Collection[int] | None
    token: str | None

    def check_peer(self, peer: _PeerSocket) -> int | None:
        """The user at the other end of a unix socket as the kernel knows it, None on TCP.

        Source: unix(7), SO_PEERCRED.

        Raises:
            ForbiddenError: that user may not connect.
        """
        if peer.family != socket.AF_UNIX:
            return None
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if self.uids is not None and uid not in self.uids:
            raise ForbiddenError
        return uid

    def check_token(self, authorization: str | None) -> None:
        """Compare in constant time; nothing is needed where no token is set.

        Raises:
            UnauthenticatedError: it is not the token.
        """
        if self.token is None:
            return
        if not hmac.compare_digest((authorization or "").encode(), f"Bearer {self.token}".encode()):
            raise UnauthenticatedError("The token is missing or wrong.")
