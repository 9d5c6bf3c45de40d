"""The services of one machine as data: who listens where, who may call whom, who runs as whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cloche.stack.options import Engine
from cloche.stack.spawn import Identity, StackError

#: Sockets below ``run/``; as root each has a group of its own, held by its callers alone. The order fixes the numbers.
SOCKETS: Final = (
    "pg",
    "valkey",
    "queue-internal",
    "queue-public",
    "executor",
    "dockerproxy",
    "worker-health",
    "storage-health",
)
_FIRST_SOCKET_GID: Final = 20
#: Above every range that distributions and systemd give out. Source: systemd's UIDS-GIDS.
_FIRST_CELL_USER: Final = 1_900_000_000
_CELL_USERS: Final = 2048
_VALKEY_UID: Final = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One service. ``listens`` maps a setting to a socket of ``SOCKETS`` or ``tcp``, the people's port.

    ``calls`` are the sockets it may connect to. ``health`` is the socket that answers ``/readyz``.
    """

    name: str
    module: str
    prefix: str
    uid_offset: int
    listens: Mapping[str, str]
    calls: tuple[str, ...]
    health: str
    stop_timeout_s: float = 15.0


#: In the order of starting; stopping goes the other way.
PARTS: Final = (
    Part(
        name="queue",
        module="cloche.queue",
        prefix="CLOCHE_QUEUE_",
        uid_offset=2,
        listens={"internal_listen": "queue-internal", "public_listen": "queue-public"},
        calls=("pg", "valkey"),
        health="queue-internal",
    ),
    Part(
        name="storage",
        module="cloche.storage",
        prefix="CLOCHE_STORAGE_",
        uid_offset=5,
        listens={"listen": "storage-health"},
        calls=("pg", "valkey", "queue-internal"),
        health="storage-health",
    ),
    Part(
        name="dockerproxy",
        module="cloche.dockerproxy",
        prefix="CLOCHE_DOCKERPROXY_",
        uid_offset=7,
        listens={"listen": "dockerproxy"},
        calls=(),
        health="dockerproxy",
    ),
    Part(
        name="executor",
        module="cloche.executor",
        prefix="CLOCHE_EXECUTOR_",
        uid_offset=3,
        listens={"listen": "executor"},
        calls=("dockerproxy",),
        health="executor",
    ),
    Part(
        name="worker",
        module="cloche.worker",
        prefix="CLOCHE_WORKER_",
        uid_offset=4,
        listens={"listen": "worker-health"},
        calls=("valkey", "queue-internal", "executor"),
        health="worker-health",
        stop_timeout_s=45.0,
    ),
    Part(
        name="web",
        module="cloche.stack.web",
        prefix="CLOCHE_API_",
        uid_offset=6,
        listens={"listen": "tcp"},
        calls=("pg", "valkey", "queue-internal", "queue-public"),
        health="tcp",
    ),
)


def wanted_parts(engine: Engine, only: tuple[str, ...] | None) -> tuple[Part, ...]:
    """The parts to start, in order.

    Raises:
        StackError: ``only`` names one that does not exist.
    """
    known = {part.name for part in PARTS}
    unknown = sorted(set(only or ()) - known)
    if unknown:
        raise StackError(f"no such part: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return tuple(
        part
        for part in PARTS
        if (only is None or part.name in only) and (part.name != "dockerproxy" or engine == "docker")
    )


def identity_of(part: Part, base_uid: int, extra_groups: tuple[int, ...] = ()) -> Identity:
    """The numbers a part runs under when root starts it: its own, and the groups of the sockets it calls."""
    own = base_uid + part.uid_offset
    groups = (*(socket_gid(name, base_uid) for name in part.calls), *extra_groups)
    return Identity(own, own, groups, users=cell_users(base_uid) if part.name == "executor" else None)


def cell_users(base_uid: int) -> tuple[int, int]:
    """First and count of the users that cells run as, two a slot: apart from those of every other stack."""
    return _FIRST_CELL_USER + base_uid * _CELL_USERS, _CELL_USERS


def valkey_identity(base_uid: int) -> Identity:
    """The numbers Valkey runs under when root starts it."""
    return Identity(base_uid + _VALKEY_UID, base_uid + _VALKEY_UID)


def socket_gid(name: str, base_uid: int) -> int:
    """The group that may connect to a socket when root starts the stack."""
    return base_uid + _FIRST_SOCKET_GID + SOCKETS.index(name)
