"""Who is on the other side of a connection, and whether they may speak."""

import hmac
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from cloche.kit.errors import ForbiddenError, UnauthenticatedError


class PeerSocket(Protocol):
    """What asyncio's and uvloop's transports give as their socket."""

    family: int

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Peer:
    """The process that connected, as the kernel knows it."""

    uid: int
    pid: int


@dataclass(frozen=True)
class Gate:
    """Who may come in: these users where the kernel can tell, and bearers of the token where there is one."""

    uids: Collection[int] | None
    token: str | None

    def check_peer(self, peer: Peer | None) -> None:
        """Return if ``peer`` may connect; on TCP the token alone decides.

        Raises:
            ForbiddenError: that user may not.
        """
        if peer is not None and self.uids is not None and peer.uid not in self.uids:
            raise ForbiddenError

    def check_token(self, authorization: str | None) -> None:
        """Compare in constant time; nothing is needed where no token is set.

        Raises:
            UnauthenticatedError: it is not the token.
        """
        if self.token is None:
            return
        if not hmac.compare_digest((authorization or "").encode(), f"Bearer {self.token}".encode()):
            raise UnauthenticatedError("The token is missing or wrong.")


def peer_of(connection: PeerSocket) -> Peer | None:
    """Who is at the other end of a unix socket, None on TCP.

    Source: unix(7), SO_PEERCRED.
    """
    if connection.family != socket.AF_UNIX:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return Peer(uid, pid)
