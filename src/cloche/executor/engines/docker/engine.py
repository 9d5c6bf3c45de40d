"""The ``docker`` engine: a fresh container for every cell, made through the Docker Socket Proxy."""

import asyncio
import re
from typing import Final

from cloche.contracts.words import EngineName
from cloche.executor.engines.docker.container_class import ContainerClass, exact_class, rounded_class
from cloche.executor.engines.docker.gvisor import GVISOR, GvisorSlot
from cloche.executor.engines.docker.proxy_client import ContainerOrder, ProxyClient
from cloche.executor.engines.docker.slot import CONTAINER, DockerSlot, destroy_container
from cloche.executor.engines.docker.warm import WarmContainers
from cloche.executor.engines.engine import (
    CellSpec,
    EngineBusyError,
    EngineError,
    EngineUnusableError,
    SlotStuckError,
    Tier,
    Toolchain,
    ToolchainMissingError,
)
from cloche.executor.runtimes import Runtime
from cloche.kit.errors import ClocheError, InvalidRequestError, OverloadedError, UnavailableError
from cloche.kit.logs import get_logger

log = get_logger()

_NOT_LABEL: Final = re.compile(r"[^A-Za-z0-9._-]")
#: Containers made ahead, of all classes.
_MOST_AHEAD: Final = 16
_NO_CONTAINER: Final = "It makes no containers: is its disk full? 'cloche doctor' looks."


class DockerEngine:
    """Makes containers through the proxy at ``address`` (``unix:/path`` or ``http://host:port``).

    ``owner`` names this executor among those that share a proxy: what carries its name at the
    start was left by its former process and is removed. ``cpus_milli`` is the CPU of each cell. Up to ``ahead``
    containers of each class in use are kept ready.
    """

    def __init__(
        self, address: str, *, token: str | None = None, owner: str, cpus_milli: int = 1000, ahead: int = 0
    ) -> None:
        self._proxy = ProxyClient(address, token)
        self._owner = _NOT_LABEL.sub("-", owner).lstrip("._-") or "executor"
        self._cpus_milli = cpus_milli
        self._images: list[str] = []
        self._oci_runtime = ""
        self._slots: dict[str, DockerSlot] = {}
        self._made = 0
        self._warm = WarmContainers(self._make, each=ahead, most=_MOST_AHEAD)
        self._undoing: set[asyncio.Task[None]] = set()
        #: What the Docker Engine failed to make last; None since it made anything.
        self._failed: ContainerClass | None = None

    @property
    def name(self) -> EngineName:
        return "docker"

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return (GVISOR if self._gvisor else CONTAINER,)

    @property
    def _gvisor(self) -> bool:
        return self._oci_runtime.startswith("runsc")

    async def start(self) -> None:
        try:
            offered = await self._proxy.images()
            labels = await self._proxy.labels()
            left = [c for c, label in labels.items() if label.rpartition(".")[0] == self._owner]
        except ClocheError as error:
            raise EngineUnusableError(f"{error.detail} Is cloche.dockerproxy running, and may we use it?") from error
        self._oci_runtime = offered.runtime
        try:
            for container in left:
                await destroy_container(self._proxy, container)
        except SlotStuckError as error:
            raise EngineUnusableError(f"a former cell can't be removed: {error}") from error

    async def check(self) -> None:
        """As the interface says; after a container could not be made, by making one.

        One that the proxy now refuses, because its image is gone, makes the engine unusable once: what is offered
        is then tested anew.
        """
        try:
            await self._proxy.ready()
            if self._failed is not None:
                await (await self._make(self._failed)).destroy()
        except OverloadedError:
            return
        except InvalidRequestError as error:
            self._failed = None
            raise EngineUnusableError(error.detail) from error
        except ClocheError as error:
            raise EngineUnusableError(f"{error.detail} {_NO_CONTAINER if self._failed else ''}".rstrip()) from error
        except SlotStuckError as error:
            raise EngineUnusableError(str(error)) from error

    async def close(self) -> None:
        """As the interface says; logs what could not be removed, which the proxy's janitor then does."""
        await self._warm.close()
        await asyncio.gather(*self._undoing)
        for container, slot in list(self._slots.items()):
            try:
                await slot.destroy()
            except SlotStuckError as error:
                log.warning("docker.left_behind", container=container, error=str(error))
                await slot.give_up()

    def facts(self) -> dict[str, str]:
        return {"images": ", ".join(self._images), "oci_runtime": self._oci_runtime}

    @property
    def warm_cells(self) -> int:
        return len(self._warm)

    async def toolchains(self, runtime: Runtime) -> list[Toolchain]:
        image = runtime.image
        if image is None:
            raise ToolchainMissingError(f"{runtime.name} names no image")
        try:
            offered = await self._proxy.images()
        except ClocheError as error:
            raise EngineError(error.detail) from error
        self._images = sorted(offered.images)
        if image.alias not in offered.images:
            missing = f"The Docker Engine has no image for it; 'cloche images build {image.alias}' builds one."
            raise ToolchainMissingError(offered.unfit.get(image.alias, missing))
        return [Toolchain(tool=image.tool, image=image.alias, values=tuple(image.values.items()))]

    async def open(self, spec: CellSpec) -> DockerSlot:
        """As the interface says. A class that the proxy finds too large is made exactly, for this cell alone."""
        image = spec.toolchain.image
        if image is None:
            raise EngineError("a toolchain of another engine")
        try:
            slot = await self._taken(rounded_class(image, spec))
        except InvalidRequestError:
            try:
                slot = await self._taken(exact_class(image, spec))
            except InvalidRequestError as error:
                raise EngineError(error.detail) from error
        slot.furnish(spec)
        log.debug("container.taken", container=slot.container, cell=spec.id)
        return slot

    async def _taken(self, wanted: ContainerClass) -> DockerSlot:
        taking = asyncio.create_task(self._warm.take(wanted))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._undo(taking)
            raise
        except InvalidRequestError:
            raise
        except OverloadedError as error:
            raise EngineBusyError(error.detail) from error
        except ClocheError as error:
            raise EngineError(error.detail) from error

    async def _make(self, of: ContainerClass) -> DockerSlot:
        """A started container. Attach and wait come before start, so that nothing is missed."""
        self._made += 1
        order = ContainerOrder(label=f"{self._owner}.{self._made}", cpus_milli=self._cpus_milli, **vars(of))
        try:
            container = await self._proxy.create(order)
            try:
                slot = await self._attach_and_start(of, container)
            except BaseException:
                await destroy_container(self._proxy, container)
                raise
        except UnavailableError:
            self._failed = of
            raise
        self._failed = None
        return slot

    async def _attach_and_start(self, of: ContainerClass, container: str) -> DockerSlot:
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
        kind = GvisorSlot if self._gvisor else DockerSlot
        slot = kind(of, container, self._proxy, stream=stream, waiting=waiting, on_gone=self._gone)
        self._slots[container] = slot
        return slot

    def _gone(self, slot: DockerSlot) -> None:
        self._slots.pop(slot.container, None)
        self._warm.gone(slot)

    def _undo(self, taking: asyncio.Task[DockerSlot]) -> None:
        """Remove a container whose caller was cancelled, once its making has ended."""

        async def remove() -> None:
            try:
                await (await taking).destroy()
            except (EngineError, SlotStuckError, ClocheError) as error:
                log.warning("docker.not_undone", error=str(error))

        task = asyncio.create_task(remove())
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)
