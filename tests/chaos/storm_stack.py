"""A whole platform in which everything can be hurt: servers of the tests' own, and proxies on every way in it."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cloche.stack import accounts, control, postgres_server, valkey_server
from cloche.stack.accounts import is_root
from cloche.stack.binaries import find_postgres, find_valkey
from cloche.stack.layout_folders import make_layout
from cloche.stack.options import Layout, StackOptions
from cloche.stack.postgres_server import PostgresServer
from cloche.stack.private_files import make_folder, write_private
from cloche.stack.spawn import ChildCommand, Identity
from cloche.stack.stores import recall_owner
from cloche.stack.valkey_server import configuration

from .clocks import Clocks, interpreter_with_clocks
from .plan import LEASE_S, SERVICES
from .proxy import Proxy
from .servers import KeptServer, Served, SmallDisk

_ROOT: Final = Path(__file__).parents[2]
_DISK_BYTES: Final = {"postgres": 2048 << 20, "valkey": 512 << 20}
_READY_S: Final = 90.0
#: Leases of a third of the usual length in the usual relations; many slots, as programs of a storm mostly sleep.
QUICK: Final = {
    "CLOCHE_QUEUE_LEASE_S": f"{LEASE_S:.0f}",
    "CLOCHE_WORKER_HEARTBEAT_S": "2",
    "CLOCHE_WORKER_DEADLINE_S": "7",
    "CLOCHE_EXECUTOR_SLOTS": "8",
    "CLOCHE_EXECUTOR_RUNTIMES": '["python"]',
}


@dataclass
class StormStack:
    """``url`` is where people reach it, through a proxy too; ``owner_dsn`` leads to PostgreSQL itself."""

    url: str
    data_dir: Path
    owner_dsn: str
    servers: dict[str, KeptServer]
    proxies: dict[str, Proxy]
    disks: dict[str, SmallDisk]
    clocks: Clocks

    def pid(self, name: str) -> int | None:
        """The process of a service; None while there is none."""
        status = control.running(self.data_dir)
        return next((child.pid for child in status.children if child.name == name), None) if status else None

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send it to a part; to how many processes."""
        if name in self.servers:
            return self.servers[name].signal(number)
        pid = self.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                return 1
        return 0

    async def until_ready(self) -> None:
        """Return when every part of the stack says that it serves. Raises: ``TimeoutError``."""
        async with asyncio.timeout(_READY_S):
            while (status := control.running(self.data_dir)) is None or not status.ready:  # noqa: ASYNC110  (a file)
                await asyncio.sleep(0.1)

    async def restart(self, *names: str) -> None:
        """Kill services and return when others have taken their places."""
        killed = {name: self.pid(name) for name in names}
        for name in names:
            self.signal(name, signal.SIGKILL)
        async with asyncio.timeout(_READY_S):
            while any(self.pid(name) in {None, pid} for name, pid in killed.items()):  # noqa: ASYNC110  (a file)
                await asyncio.sleep(0.1)
        await self.until_ready()


@contextlib.asynccontextmanager
async def storm_stack(logs: Path, settings: Mapping[str, str] = QUICK) -> AsyncIterator[StormStack]:
    """Started from nothing; at the end nothing of it is left but the folder ``logs``."""
    async with contextlib.AsyncExitStack() as opened:
        folder = opened.enter_context(_passable_folder())
        opened.callback(_keep_logs, folder, logs)
        disks = (
            {name: SmallDisk(folder / f"{name}-disk", size) for name, size in _DISK_BYTES.items()} if is_root() else {}
        )
        for disk in disks.values():
            opened.enter_context(disk.mounted())
        python, clocks = opened.enter_context(interpreter_with_clocks(_ROOT / ".cache/chaos", ("postgres", *SERVICES)))

        def place(name: str) -> Path:
            return disks[name].folder if name in disks else folder

        servers, proxies = dict[str, KeptServer](), dict[str, Proxy]()
        served = {
            "postgres": _postgres(place("postgres"), folder, find_port(), clocks),
            "valkey": _valkey(place("valkey"), folder, find_port()),
        }
        ends = {"postgres": signal.SIGINT, "valkey": signal.SIGTERM}
        urls: dict[str, str] = {}
        for name, (one, port, url) in served.items():
            servers[name] = KeptServer(one)
            await opened.enter_async_context(servers[name].running(ends[name]))
            proxies[name] = _proxy_of_port(port)
            urls[name] = url.format(port=await proxies[name].listen_on_port())
        await postgres_server.wait_until_ready(urls["postgres"], lambda: True)
        await valkey_server.wait_until_ready(urls["valkey"], lambda: True)

        options = StackOptions(
            data_dir=folder / "data",
            port=find_port(),
            pg_url=urls["postgres"],
            redis_url=urls["valkey"],
            base_uid=200_000 + secrets.randbelow(10_000) * 60,
        )
        opened.push_async_callback(_close_all, proxies)
        await opened.enter_async_context(_supervised(python, options, settings))
        layout = Layout(options.data_dir)
        proxies["queue"] = await _proxy_of_path(layout.run / "queue-internal.sock")
        proxies["executor"] = await _proxy_of_path(layout.run / "executor.sock")
        proxies["web"] = _proxy_of_port(options.port)
        stack = StormStack(
            url=f"http://127.0.0.1:{await proxies['web'].listen_on_port()}",
            data_dir=options.data_dir,
            owner_dsn=_direct(recall_owner(layout), served["postgres"][1]),
            servers=servers,
            proxies=proxies,
            disks=disks,
            clocks=clocks,
        )
        # Those who called before the proxies were there call through them from now on.
        await stack.restart("worker", "storage", "web")
        yield stack


def find_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _postgres(place: Path, folder: Path, port: int, clocks: Clocks) -> tuple[Served, int, str]:
    """As durable as the product's own: what it has confirmed must outlive kill -9."""
    identity = accounts.postgres_identity()
    server = PostgresServer(
        binaries=find_postgres(),
        home=_owned(place / "pg", identity),
        socket_dir=_owned(folder / "pgs", identity),
        admin_password="hush",
        identity=identity,
        settings={"listen_addresses": "127.0.0.1", "port": str(port), "max_wal_size": "256MB"},
    )

    def command() -> ChildCommand:
        plain = server.command()
        return replace(plain, argv=clocks.command("postgres", plain.argv))

    url = f"postgresql://{postgres_server.ADMIN_ROLE}:hush@127.0.0.1:{{port}}/postgres"
    return Served(server.prepare, command, server.cluster, "postgres", folder / "postgres.log"), port, url


def _valkey(place: Path, folder: Path, port: int) -> tuple[Served, int, str]:
    """With the product's own settings, but for where it listens."""
    binary = find_valkey()
    home = _owned(place / "vk", None)
    lines = [f"port {port}", "bind 127.0.0.1", f'dir "{home}"']
    text = configuration(lines, dict.fromkeys(valkey_server.RIGHTS, "hush"))

    def command() -> ChildCommand:
        return ChildCommand([str(binary.program), str(home / "valkey.conf")])

    def prepare() -> None:
        write_private(home / "valkey.conf", text)

    url = f"redis://{valkey_server.OWNER}:hush@127.0.0.1:{{port}}/0"
    return Served(prepare, command, home, binary.program.name, folder / "valkey.log"), port, url


def _owned(folder: Path, identity: Identity | None) -> Path:
    return make_folder(folder, uid=identity and identity.uid, gid=identity and identity.gid)


def _direct(dsn: str, port: int) -> str:
    """The same server without the proxy."""
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def _proxy_of_port(port: int) -> Proxy:
    return Proxy(lambda: asyncio.open_connection("127.0.0.1", port))


async def _close_all(proxies: dict[str, Proxy]) -> None:
    for proxy in proxies.values():
        await proxy.close()


async def _proxy_of_path(path: Path) -> Proxy:
    """In the place of the socket at ``path``, open to the same callers."""
    moved, there = _moved_aside(path)
    proxy = Proxy(lambda: asyncio.open_unix_connection(moved))
    await proxy.listen_on_path(path)
    _open_as(path, there)
    return proxy


def _moved_aside(path: Path) -> tuple[Path, os.stat_result]:
    return path.rename(path.with_suffix(".moved")), path.with_suffix(".moved").stat()


def _open_as(path: Path, there: os.stat_result) -> None:
    os.chown(path, there.st_uid, there.st_gid)
    path.chmod(there.st_mode & 0o777)


@contextlib.contextmanager
def _passable_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cloche-storm-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _keep_logs(folder: Path, logs: Path) -> None:
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    for log in [*folder.glob("*.log"), *folder.glob("data/log/*")]:
        shutil.copy(log, logs)


@contextlib.asynccontextmanager
async def _supervised(python: Path, options: StackOptions, settings: Mapping[str, str]) -> AsyncIterator[None]:
    """A ready stack below a supervisor that ``python`` runs, and that ends with this process."""
    started = _start_supervisor(python, options, settings)
    try:
        await asyncio.to_thread(control.await_ready, started)
        yield
    finally:
        await asyncio.to_thread(control.stop_supervisor, options.data_dir)
        started.process.wait(10)


def _start_supervisor(python: Path, options: StackOptions, settings: Mapping[str, str]) -> control.StartedSupervisor:
    layout = Layout(options.data_dir)
    make_layout(layout)
    reading, writing = os.pipe()
    with layout.log_of("supervisor").open("ab") as log:
        process = subprocess.Popen(
            [python, "-m", "cloche.stack"],
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
        )
    os.close(writing)
    assert process.stdin is not None
    with process.stdin as pipe:
        request = {"options": options.to_json(), "report": writing, "parent": os.getpid()}
        pipe.write(json.dumps(request).encode() + b"\n")
    return control.StartedSupervisor(process, reading)
