"""The executor's composition root: builds the engine, the service and the application, owns their lifetimes."""

import asyncio
import signal
from types import TracebackType
from typing import Self

from fastapi import FastAPI

from cloche.executor.engine_watch import EngineWatch
from cloche.executor.engines.docker.engine import DockerEngine
from cloche.executor.engines.engine import Engine
from cloche.executor.engines.local.engine import LocalEngine
from cloche.executor.metrics import ExecutorMetrics
from cloche.executor.ready_runtimes import ReadyRuntimes
from cloche.executor.routes import build_routes
from cloche.executor.runtimes import load_runtimes
from cloche.executor.service import Equipment, ExecutorService
from cloche.executor.settings import ExecutorSettings
from cloche.executor.standing.standing import StandingTest
from cloche.kit.background import Background
from cloche.kit.http_app import BodyLimit, install_errors, install_operations

#: A program's files and cases; the API has limits of its own below this.
_MAX_BODY_BYTES = 256 * 1024 * 1024


class ExecutorApp:
    """The ASGI application and what lives as long as it: enter before serving, leave after.

    Raises (when made or entered):
        RuntimeFileError: a runtime's file is wrong.
        EngineUnusableError: cells can't be made here.
    """

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._metrics = ExecutorMetrics()
        self._engine = _engine(settings)
        runtimes = load_runtimes(settings.runtimes_dir, only=settings.runtimes)
        self._standing = StandingTest(self._engine, runtimes, self._metrics)
        self._runtimes = ReadyRuntimes(self._engine, runtimes, settings.extra_runtimes_dir)
        self._watch = EngineWatch(self._engine, self._test_again)
        equipment = Equipment(self._engine, self._watch, self._runtimes, self._standing)
        self.service = ExecutorService(settings.name, equipment, settings.slots, self._metrics)
        self.asgi = self._build()
        self._background = Background()

    async def __aenter__(self) -> Self:
        await self._engine.start()
        self._background.start("runtimes", lambda: self._runtimes.watch(self._settings.recheck_s))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._runtimes.recheck)
        self._background.start("engine", self._watch.watch)
        self._background.start("standing", lambda: self._standing.watch(self._settings.recheck_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._background.stop()
        await self._engine.close()

    async def drain(self) -> None:
        """For SIGTERM: nothing new, and time for what runs."""
        await self.service.drain(self._settings.drain_s)

    def _test_again(self) -> None:
        """What was tested while the engine was away failed for that alone."""
        self._runtimes.recheck()
        self._standing.suspect()

    def _build(self) -> FastAPI:
        app = FastAPI(title="Cloche Executor Service", openapi_url=None)
        app.add_middleware(BodyLimit, limit=_MAX_BODY_BYTES)
        install_errors(app)
        install_operations(app, ready=self.service.ensure_ready, metrics=self._metrics.registry)
        app.include_router(build_routes(self.service, self._settings.worker_token.get_secret_value()))
        return app


def _engine(settings: ExecutorSettings) -> Engine:
    if settings.engine == "local":
        return LocalEngine(tiers=settings.tiers, cgroup_roots=settings.cgroup_roots, ahead=settings.ready_cells)
    return DockerEngine(
        settings.docker_proxy,
        token=settings.docker_token.get_secret_value() or None,
        owner=settings.name,
        ahead=settings.ready_containers,
    )
