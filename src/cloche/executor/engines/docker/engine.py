"""The ``docker`` engine: a fresh container for every cell, made through the Docker Socket Proxy."""

import asyncio
import re
from typing import Final

from cloche.contracts.words import EngineName
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient
from cloche.executor.engines.docker.slot import DockerSlot, cell_memory_bytes, destroy_container
from cloche.executor.engines.engine import (
    CellSpec,
    EngineError,
    EngineUnusableError,
    SlotStuckError,
    Tier,
    Toolchain,
    ToolchainMissingError,
)
from cloche.executor.runtimes import Runtime
from cloche.kit.errors import ClocheError
from cloche.kit.logs import get_logger

log = get_logger()

_NOT_LABEL: Final = re.compile(r"[^A-Za-z0-9._-]")
_MAX_LABEL: Final = 128


class DockerEngine:
    """Makes containers through the proxy at ``address`` (``unix:/path`` or ``http://host:port``).

    ``owner`` names this executor among those that share a proxy: what carries its name at the
    start was left by its former process and is removed. ``cpus_milli`` is the CPU of each cell.
    """

    def __init__(self, address: str, *, token: str | None = None, owner: str, cpus_milli: int = 1000) -> None:
        self._proxy = ProxyClient(address, token)
        self._owner = _NOT_LABEL.sub("-", owner)
        self._cpus_milli = cpus_milli
        self._images: frozenset[str] = frozenset()
        self._oci_runtime = ""
        self._slots: dict[str, DockerSlot] = {}
        self._undoing: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> EngineName:
        return "docker"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return (Tier("container", features=("namespaces", "seccomp", "no capabilities")),)

    async def start(self) -> None:
        try:
            offered = await self._proxy.images()
            left = [c for c, label in (await self._proxy.labels()).items() if label.startswith(f"{self._owner}.")]
        except ClocheError as error:
            raise EngineUnusableError(f"{error.detail} Is cloche.dockerproxy running, and may we use it?") from error
        self._images = frozenset(offered["images"])
        self._oci_runtime = offered["runtime"]
        try:
            for container in left:
                await destroy_container(self._proxy, container)
        except SlotStuckError as error:
            raise EngineUnusableError(f"a former cell can't be removed: {error}") from error

    async def close(self) -> None:
        """As the interface says; logs what could not be removed, which the proxy's janitor then does."""
        await asyncio.gather(*self._undoing)
        for container, slot in list(self._slots.items()):
            try:
                await slot.destroy()
            except SlotStuckError as error:
                log.warning("docker.left_behind", container=container, error=str(error))

    def facts(self) -> dict[str, str]:
        return {"images": ", ".join(sorted(self._images)), "oci_runtime": self._oci_runtime}

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        if runtime.image is None:
            raise ToolchainMissingError(f"{runtime.name} names no image")
        if runtime.image.alias not in self._images:
            raise ToolchainMissingError(
                f"the Docker Socket Proxy offers no image {runtime.image.alias}; scripts/build_images.py builds it"
            )
        return [Toolchain(tool=runtime.image.tool, image=runtime.image.alias)]

    async def open(self, spec: CellSpec) -> DockerSlot:
        """As the interface says. Attach and wait come before start, so that nothing is missed."""
        creating = asyncio.create_task(self._create(spec))
        try:
            container = await asyncio.shield(creating)
        except asyncio.CancelledError:
            self._undo(creating)
            raise
        try:
            return await self._attach_and_start(spec, container)
        except ClocheError as error:
            await destroy_container(self._proxy, container)
            raise EngineError(error.detail) from error
        except asyncio.CancelledError:
            self._undo(creating)
            raise

    async def _create(self, spec: CellSpec) -> str:
        if spec.toolchain.image is None:
            raise EngineError("a toolchain of another engine")
        order = ContainerOrder(
            image=spec.toolchain.image,
            label=f"{self._owner}.{_NOT_LABEL.sub('-', spec.id)}"[:_MAX_LABEL],
            memory_bytes=cell_memory_bytes(spec),
            cpus_milli=self._cpus_milli,
            processes=spec.most.processes,
            disk_bytes=spec.most.disk_bytes,
            inodes=spec.most.inodes,
        )
        try:
            return await self._proxy.create(order)
        except ClocheError as error:
            raise EngineError(error.detail) from error

    async def _attach_and_start(self, spec: CellSpec, container: str) -> DockerSlot:
        stream = await self._proxy.attach(container)
        try:
            waiting = await self._proxy.wait(container)
            try:
                await self._proxy.start(container)
            except BaseException:
                waiting.abort()
                raise
        except BaseException:
            stream.abort()
            raise
        slot = DockerSlot(
            spec,
            container,
            self._proxy,
            stream=stream,
            waiting=waiting,
            on_gone=lambda gone: self._slots.pop(gone, None),
        )
        self._slots[container] = slot
        return slot

    def _undo(self, creating: asyncio.Task[str]) -> None:
        """Remove a container whose caller was cancelled, once its making has ended."""

        async def remove() -> None:
            try:
                await destroy_container(self._proxy, await creating)
            except (EngineError, ClocheError) as error:
                log.warning("docker.not_undone", error=str(error))

        task = asyncio.create_task(remove())
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)
