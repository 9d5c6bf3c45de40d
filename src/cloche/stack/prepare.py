"""Everything that must stand before the first child starts: servers' plans and services' files."""

import json
import signal
from pathlib import Path
from typing import Final

from cloche.stack import postgres_server, valkey_server
from cloche.stack.accounts import is_root, postgres_identity
from cloche.stack.binaries import find_postgres, find_valkey
from cloche.stack.children import ChildPlan
from cloche.stack.credentials import Credentials
from cloche.stack.options import Layout, StackOptions
from cloche.stack.parts import Part, identity_of, socket_gid, valkey_identity
from cloche.stack.postgres_server import PostgresServer, cluster_major
from cloche.stack.private_files import make_folder, write_private
from cloche.stack.spawn import Identity
from cloche.stack.valkey_server import ValkeyServer

_POSTGRES_STOP_S: Final = 60.0


def embedded_postgres(layout: Layout, options: StackOptions, credentials: Credentials) -> PostgresServer:
    """The embedded PostgreSQL, with programs that can read what is there already.

    Raises:
        StackError: there are none, or no account to run them under.
    """
    identity = postgres_identity()
    return PostgresServer(
        binaries=find_postgres(cluster_major(layout.postgres)),
        home=make_folder(layout.postgres, **_owned_by(identity)),
        socket_dir=_socket_folder(layout.run / "pg", identity, socket_gid("pg", options.base_uid)),
        admin_password=credentials.admin_password,
        identity=identity,
        socket_mode=0o770 if identity else 0o700,
    )


def embedded_valkey(layout: Layout, options: StackOptions, credentials: Credentials) -> ValkeyServer:
    """The embedded Valkey.

    Raises:
        StackError: there is no program for it.
    """
    identity = valkey_identity(options.base_uid) if is_root() else None
    return ValkeyServer(
        binary=find_valkey(),
        home=make_folder(layout.valkey, **_owned_by(identity)),
        socket_dir=_socket_folder(layout.run / "valkey", identity, socket_gid("valkey", options.base_uid)),
        passwords=credentials.users,
        identity=identity,
        socket_mode=0o770 if identity else 0o700,
    )


def postgres_plan(server: PostgresServer, layout: Layout) -> ChildPlan:
    """How the embedded PostgreSQL lives as a child."""
    return ChildPlan(
        name="postgres",
        command=server.command,
        ready=lambda: postgres_server.ping(server.admin_dsn),
        log_file=layout.log_of("postgres"),
        prepare=server.prepare,
        stop_signal=signal.SIGINT,
        stop_timeout_s=_POSTGRES_STOP_S,
    )


def valkey_plan(server: ValkeyServer, layout: Layout) -> ChildPlan:
    """How the embedded Valkey lives as a child."""
    return ChildPlan(
        name="valkey",
        command=server.command,
        ready=lambda: valkey_server.ping(server.url(valkey_server.OWNER)),
        log_file=layout.log_of("valkey"),
        prepare=server.prepare,
    )


def service_identity(part: Part, options: StackOptions, docker_socket: Path) -> Identity | None:
    """Who a service runs as; only the proxy gets the Docker socket's group. None as an ordinary user."""
    if not is_root():
        return None
    extra: tuple[int, ...] = ()
    if part.name == "dockerproxy" and docker_socket.exists():
        extra = (docker_socket.stat().st_gid,)
    return identity_of(part, options.base_uid, extra)


def write_secrets(layout: Layout, part: Part, settings: dict[str, object], identity: Identity | None) -> Path:
    """Write a service's settings where only it can read them.

    Raises:
        StackError: the disk is full.
    """
    path = layout.secrets / f"{part.name}.json"
    write_private(path, json.dumps(settings), identity)
    return path


def _owned_by(identity: Identity | None) -> dict[str, int]:
    return {} if identity is None else {"uid": identity.uid, "gid": identity.gid}


def _socket_folder(path: Path, identity: Identity | None, gid: int) -> Path:
    """Where a server makes its socket; as root, what it makes there belongs to the callers' group."""
    if identity is None:
        return make_folder(path)
    return make_folder(path, mode=0o2710, uid=identity.uid, gid=gid)
