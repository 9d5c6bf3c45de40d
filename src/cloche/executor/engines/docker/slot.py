"""One container, used once, as a slot."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from typing import Final

from cloche.contracts.limits import Limits
from cloche.executor.engines.docker.container_class import ContainerClass
from cloche.executor.engines.docker.proxy_client import ContainerState, ProxyClient, exit_status
from cloche.executor.engines.docker.stdio_frames import STDOUT, FramingError, StdioFrames
from cloche.executor.engines.engine import CellSpec, EngineError, Room, SlotStuckError, SlotUsage, Tier
from cloche.kit.errors import ClocheError, NotFoundError
from cloche.kit.http_exchange import Exchange, ExchangeError
from cloche.kit.logs import get_logger

log = get_logger()

#: The work directory that the proxy gives every container.
WORK: Final = "/work"
DESTROY_S: Final = 9.0
_RETRY_S: Final = 0.1
_MAX_LAST_WORDS: Final = 4096
#: How long the end of the stream may be ahead of the end of the container.
_EXIT_S: Final = 5.0
#: A container that waited longer is not begun to be used: the proxy cuts streams that are silent for ten minutes.
_YOUNG_S: Final = 300.0
#: How long after the exit of a container that was killed the Engine may still say that memory was the reason.
_OOM_LATER_S: Final = 5.0
#: Between attempts to remove what could not be removed at once.
_STUCK_RETRY_S: Final = 1.0
#: What each launcher must report.
_MUST_HAVE: Final = ("seccomp", "no-capabilities")
CONTAINER: Final = Tier(
    "container",
    ("namespaces", *_MUST_HAVE, "memory:cgroup", "processes:cgroup"),
    ("Memory limits that are no power of two are sampled up to the next one: what is gone within 20 ms is not seen.",),
)


class DockerSlot:
    """A started container whose launcher is spoken to over ``stream``; ``waiting`` answers at its exit.

    The container's cgroups limit memory and processes to those of its class. Where a step may use less memory than
    that, the launcher samples; where fewer processes, the kernel counts those of the container's user.
    """

    def __init__(
        self,
        of: ContainerClass,
        container: str,
        proxy: ProxyClient,
        *,
        stream: Exchange,
        waiting: Exchange,
        on_gone: "Callable[[DockerSlot], object]",
    ) -> None:
        self.of = of
        self.taken = False
        self._made_at = time.monotonic()
        self.container = container
        self._proxy = proxy
        self._stream = stream
        self._frames = StdioFrames()
        self._waiting = waiting
        self._exit = asyncio.create_task(exit_status(waiting))
        self._pieces: list[bytes] = []
        self._last_words = b""
        self._limits = Limits()
        self._room = Room(of.disk_bytes, of.inodes, "none")
        self._broken = False
        self._gone = False
        self._removing: asyncio.Task[None] | None = None
        self._on_gone = on_gone

    def furnish(self, spec: CellSpec) -> None:
        """Set what its program may have, before the launcher is told."""
        self._limits = spec.limits
        self._room = Room(spec.most.disk_bytes, spec.most.inodes, spec.network)

    def on_exit(self, call: "Callable[[DockerSlot], object]") -> None:
        """Call it once the container has ended, or can't be known to run any more."""
        self._exit.add_done_callback(lambda _: call(self))

    @property
    def alive(self) -> bool:
        """Whether the container still runs, as far as is known, and its stream is young enough not to be cut."""
        return not self._exit.done() and time.monotonic() < self._made_at + _YOUNG_S

    @property
    def sample_memory(self) -> bool:
        return self._limits.memory_bytes < self.of.memory_bytes

    @property
    def rlimit_processes(self) -> bool:
        return self._limits.processes < self.of.processes

    @property
    def work(self) -> str:
        return WORK

    @property
    def must_have(self) -> frozenset[str]:
        return frozenset(_MUST_HAVE)

    @property
    def own_processes(self) -> int:
        return 1  # the launcher has the same user

    @property
    def tmp(self) -> str:
        return "/tmp"  # noqa: S108  (the container's own)

    @property
    def room(self) -> Room:
        return self._room

    async def read(self) -> bytes:
        while not self._pieces:
            try:
                data = await self._stream.read()
                found = list(self._frames.feed(data))
            except (ExchangeError, FramingError) as error:
                log.warning("docker.stream_broken", container=self.container, error=str(error))
                data, found = b"", []
            if not data:
                self._broken = True
                self._log_last_words()
                return b""
            self._pieces = [piece for stream, piece in found if stream == STDOUT]
            for stream, piece in found:
                if stream != STDOUT:
                    self._last_words = (self._last_words + piece)[:_MAX_LAST_WORDS]
        joined = b"".join(self._pieces)
        self._pieces = []
        return joined

    async def write(self, data: bytes) -> None:
        try:
            await self._stream.write(data)
        except ExchangeError as error:
            self._broken = True
            raise EngineError("the launcher's stdin is closed") from error

    async def admit(self) -> None:
        """The container was made with its limits."""

    async def confine(self, limits: Limits) -> None:
        self._limits = limits

    async def usage(self) -> SlotUsage:
        """Nothing: the launcher sees the container's own cgroup, and so can say more than the Engine."""
        return SlotUsage()

    async def post_mortem(self) -> SlotUsage:
        """As the interface says: the Engine's word on whether memory was the reason.

        A stream also ends, or stalls, with the proxy and with the Engine, and ends with the container's removal: none
        of them is the program's doing.

        Raises:
            EngineError: the Engine does not say that the container ended by itself, or that it still runs.
        """
        if self._gone:
            return SlotUsage()
        try:
            async with asyncio.timeout(_EXIT_S):
                if self._broken:
                    await asyncio.shield(self._exit)
                state = await self._last_state()
        except (ClocheError, TimeoutError) as error:
            raise EngineError("the container was lost with the Docker Engine or its proxy") from error
        log.info("container.died", container=self.container, exit_code=state.exit_code, oom_killed=state.oom_killed)
        peak = self.of.memory_bytes if state.oom_killed else 0
        return SlotUsage(memory_peak_bytes=peak, oom_kills=int(state.oom_killed), source="cgroup")

    async def _last_state(self) -> ContainerState:
        """How the container ended: the Engine hears of memory's end apart from the exit, and maybe later."""
        until = asyncio.get_running_loop().time() + _OOM_LATER_S
        while True:
            state = await self._proxy.inspect(self.container)
            killed = state.exit_code == 128 + signal.SIGKILL and not state.oom_killed
            if not killed or asyncio.get_running_loop().time() > until:
                return state
            await asyncio.sleep(_RETRY_S)

    async def destroy(self) -> None:
        """As the interface says. What is left is tried again, until it is gone or ``give_up`` is called."""
        if self._gone:
            return
        self._stream.abort()
        try:
            await destroy_container(self._proxy, self.container)
        except SlotStuckError as error:
            if self._removing is None:
                self._removing = asyncio.create_task(self._remove_at_last())
            error.gone = self._removing
            raise
        await self._forget()

    async def give_up(self) -> None:
        """Leave what is stuck to the proxy's janitor."""
        if self._removing is not None:
            self._removing.cancel()
            await asyncio.gather(self._removing, return_exceptions=True)

    async def _remove_at_last(self) -> None:
        while not self._gone:
            await asyncio.sleep(_STUCK_RETRY_S)
            with contextlib.suppress(SlotStuckError):
                await destroy_container(self._proxy, self.container)
                await self._forget()
        log.info("container.removed_at_last", container=self.container)

    async def _forget(self) -> None:
        if not self._gone:
            self._gone = True
            self._on_gone(self)
        self._exit.cancel()
        self._waiting.abort()
        await asyncio.gather(self._exit, return_exceptions=True)

    def last_words(self) -> str:
        return self._last_words.decode("utf-8", "backslashreplace").strip()

    def _log_last_words(self) -> None:
        if self._last_words:
            log.warning("docker.launcher_said", container=self.container, said=self.last_words())


async def destroy_container(proxy: ProxyClient, container: str) -> None:
    """Kill and remove; returns when the Docker Engine says that nothing is left.

    Raises:
        SlotStuckError: it did not say so within 9 s.
    """
    last: ClocheError | None = None
    try:
        async with asyncio.timeout(DESTROY_S):
            while True:
                try:
                    await proxy.delete(container)
                except NotFoundError:
                    return
                except ClocheError as error:
                    last = error
                else:
                    return
                await asyncio.sleep(_RETRY_S)
    except TimeoutError:
        raise SlotStuckError(f"a container is not gone: {last.code if last else 'no answer'}") from last
