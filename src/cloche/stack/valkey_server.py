"""A Valkey of our own: one unix socket, a user a service, what it holds survives a stop."""

import asyncio
import contextlib
import hashlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from cloche.stack.binaries import ValkeyBinary
from cloche.stack.orphans import await_end, processes_in
from cloche.stack.private_files import write_private
from cloche.stack.spawn import ChildCommand, Identity, StackError

SOCKET_NAME: Final = "valkey.sock"
OWNER: Final = "owner"
READY_TIMEOUT_S: Final = 60.0
OLD_SERVER_TIMEOUT_S: Final = 30.0

_CONNECT: Final = "+@connection -@dangerous"
_EPOCH: Final = "(+set +get ~cloche:epoch)"
_EPOCH_AND_OWNER: Final = "(+set +get ~cloche:epoch ~cloche:*:owner)"
_PUBLISH: Final = "+evalsha +script|load +hmget +hset +xadd +expire +publish"

#: What each user may do; the default user may do nothing. Only ``storage`` trims, deletes, seals or touches groups.
RIGHTS: Final[Mapping[str, str]] = {
    OWNER: "~* &* +@all",
    "api": f"~cloche:* &cloche:* {_CONNECT} {_PUBLISH} +xrange +hget +subscribe +unsubscribe {_EPOCH}",
    "queue": f"~cloche:* &cloche:* {_CONNECT} {_PUBLISH} {_EPOCH}",
    "worker": f"~cloche:* &cloche:* {_CONNECT} {_PUBLISH} {_EPOCH}",
    "storage": (
        f"~cloche:* &cloche:* {_CONNECT} {_PUBLISH} +hget +pexpire +xrange +xreadgroup +xack +xtrim +xautoclaim "
        f"+xpending +xlen +xinfo +xgroup +del +unlink +zadd +zrem +zremrangebyscore +zcard +time {_EPOCH_AND_OWNER}"
    ),
}

#: What holds wherever it listens: it loses at most a second's events, and refuses rather than forgets.
_SETTINGS: Final = (
    "daemonize no",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "maxmemory 256mb",
    "maxmemory-policy noeviction",
    "user default off",
)


def configuration(place: Sequence[str], passwords: Mapping[str, str]) -> str:
    """A configuration file: ``place`` are the lines that say where it listens and keeps its data.

    ``passwords`` has one for each user of ``RIGHTS``; the file holds their hashes.
    """
    digests = {user: hashlib.sha256(passwords[user].encode()).hexdigest() for user in RIGHTS}
    users = [f"user {user} on #{digests[user]} {rights}" for user, rights in RIGHTS.items()]
    return "\n".join([*place, *_SETTINGS, *users]) + "\n"


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """One server with its data in ``home`` and its socket in ``socket_dir``; both folders exist already."""

    binary: ValkeyBinary
    home: Path
    socket_dir: Path
    passwords: Mapping[str, str]
    identity: Identity | None = None
    socket_mode: int = 0o700

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.socket_dir / SOCKET_NAME

    def url(self, user: str) -> str:
        """How ``user`` reaches it."""
        return f"unix://{user}:{quote(self.passwords[user])}@{quote(str(self.socket))}?db=0"

    def prepare(self) -> None:
        """Wait for a server that lost its supervisor, and write the configuration anew. Idempotent; blocks.

        Raises:
            StackError: the disk is full, the folder can't be written, or an old server does not end.
        """
        await_end(processes_in(self.home, self.binary.program.name), OLD_SERVER_TIMEOUT_S)
        place = [
            "port 0",
            f'unixsocket "{self.socket}"',
            f"unixsocketperm {self.socket_mode:o}",
            f'dir "{self.home}"',
        ]
        write_private(self.home / "valkey.conf", configuration(place, self.passwords), self.identity)

    def command(self) -> ChildCommand:
        """The server in the foreground; SIGTERM makes it flush its log and end."""
        exposed = [(self.binary.program.parent, False), (self.home, True), (self.socket_dir, True)]
        argv = [str(self.binary.program), str(self.home / "valkey.conf")]
        return ChildCommand(argv, self.identity, signal.SIGTERM, exposed)


async def ping(url: str) -> None:
    """Return when the server answers PING; it does not while it reads its log.

    Raises:
        OSError, RedisError: it does not, yet.
    """
    open_redis: Any = Redis.from_url  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
    redis: Any = open_redis(url, socket_timeout=5, socket_connect_timeout=5)
    async with contextlib.aclosing(redis):
        await redis.ping()


async def wait_until_ready(url: str, alive: Callable[[], bool], *, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Return when the server answers.

    Raises:
        StackError: it ended, refused the password, or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if not alive():
            raise StackError("Valkey ended while it was starting; see its log.")
        try:
            await ping(url)
        except AuthenticationError as error:
            raise StackError(f"Valkey refused the login: {error}") from error
        except (RedisError, OSError) as error:
            if time.monotonic() > deadline:
                raise StackError(f"Valkey did not answer within {timeout_s:.0f} s: {error}") from error
            await asyncio.sleep(0.02)
        else:
            return
