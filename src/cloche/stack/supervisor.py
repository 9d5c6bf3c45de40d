"""Starts everything on this machine, keeps it running, and stops it in good order."""

import asyncio
import os
from collections.abc import Callable

from cloche.kit.clock import iso_now
from cloche.kit.logs import get_logger
from cloche.stack.accounts import is_root
from cloche.stack.api_keys import ensure_admin_key
from cloche.stack.cgroups import DelegatedCgroups
from cloche.stack.children import Child, ChildPlan
from cloche.stack.credentials import load_or_create
from cloche.stack.migrate import upgrade_in_thread
from cloche.stack.options import Layout, StackOptions
from cloche.stack.parts import PARTS, identity_of, wanted_parts
from cloche.stack.privileges import check_privileges
from cloche.stack.roles import create_roles_and_database
from cloche.stack.service_settings import ServiceSettingsSource
from cloche.stack.services import ServiceFactory
from cloche.stack.sockets import Sockets
from cloche.stack.status import StackStatus, write_status
from cloche.stack.stores import Stores, plan_stores, remember_owner
from cloche.stack.visible import python_paths, web_dist

log = get_logger()


class Supervisor:
    """One stack on one data directory, whose lock the caller holds and whose folders exist.

    ``on_change`` is called with the state after each change.
    """

    def __init__(self, options: StackOptions, layout: Layout, on_change: Callable[[StackStatus], None]) -> None:
        self._options = options
        self._layout = layout
        self._tell = on_change
        self._children: list[Child] = []
        self._sockets = Sockets(layout.run, options.base_uid)
        self._cgroups = DelegatedCgroups(layout.root)
        self.status = StackStatus(
            pid=os.getpid(),
            url=options.url,
            data_dir=str(layout.root),
            engine=options.engine,
            require_keys=options.require_keys,
            started_at=iso_now(),
        )

    async def start(self) -> None:
        """Start all, in order, and return when all are ready.

        Raises:
            StackError: something can't be had; call ``stop``. Nothing that was stored is lost.
        """
        options, layout = self._options, self._layout
        options.check()
        check_privileges([*python_paths(), layout.root / "run"])
        parts = wanted_parts(options.engine, options.parts)
        self._sockets.open(parts, options.host, options.port)
        credentials = load_or_create(layout.credentials)
        stores = plan_stores(layout, options, credentials)
        self._prepare_executor()
        source = ServiceSettingsSource(
            options=options,
            credentials=credentials,
            dsn=stores.dsn,
            redis_url=stores.redis_url,
            sockets=self._sockets,
            cgroup_roots=tuple(self._cgroups.roots.values()),
            web_dist=web_dist(),
            added_runtimes=layout.runtimes,
        )
        factory = ServiceFactory(layout, options, self._sockets, source, self._cgroups)
        servers = [self._add(plan) for plan in stores.plans]
        services = [self._add(factory.plan(part)) for part in parts]
        for server in servers:
            await server.start()
        await self._prepare_database(stores, credentials.roles)
        # All at once: each finds the others' sockets open already and waits for their answers.
        await asyncio.gather(*(service.start() for service in services))
        log.info("stack.ready", url=options.url)

    async def stop(self) -> None:
        """Stop all in the opposite order, each within its time. Idempotent."""
        for child in reversed(self._children):
            await child.stop()
        self._sockets.close()
        await asyncio.to_thread(self._cgroups.remove)
        self._layout.status.unlink(missing_ok=True)
        log.info("stack.stopped")

    def kill(self) -> None:
        """Cut the waits of ``stop`` short."""
        for child in self._children:
            child.kill()

    async def _prepare_database(self, stores: Stores, passwords: dict[str, str]) -> None:
        ours = self._options.pg_url is None
        await create_roles_and_database(stores.admin_dsn, passwords, stores.database, take_over=ours)
        await upgrade_in_thread(stores.owner_dsn)
        remember_owner(self._layout, stores.owner_dsn)
        if self._options.require_keys:
            await ensure_admin_key(stores.owner_dsn, self._layout.admin_key)

    def _prepare_executor(self) -> None:
        """Its part of the cgroup tree."""
        executor = next(part for part in PARTS if part.name == "executor")
        identity = identity_of(executor, self._options.base_uid) if is_root() else None
        self._cgroups.create(identity)

    def _add(self, plan: ChildPlan) -> Child:
        child = Child(plan, self._changed)
        self._children.append(child)
        self.status.children.append(child.status)
        return child

    def _changed(self) -> None:
        write_status(self._layout.status, self.status)
        self._tell(self.status)
