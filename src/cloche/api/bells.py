"""Doorbells: one Redis subscription a process, an asyncio event a watcher."""

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import Any

from cloche.kit.bus import BUS_UNAVAILABLE, LIST_CHANNEL, SEALED_CHANNEL, Bus, RedisError, bell_channel
from cloche.kit.logs import get_logger

log = get_logger()


class Watcher:
    """One watcher's doorbell; ``rung`` is set whenever there may be something new."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.changed: set[str] = set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the bell or the timer; True for the bell. The bell is quiet afterwards."""
        try:
            await asyncio.wait_for(self.rung.wait(), timeout_s)
        except TimeoutError:
            return False
        self.rung.clear()
        return True


class Bells:
    """Rings watchers of subjects and of lists, and tells ``on_sealed`` which subjects have ended.

    A lost subscription rings everybody once it is back.
    """

    def __init__(self, bus: Bus, on_sealed: Callable[[str], None]) -> None:
        self._bus = bus
        self._on_sealed = on_sealed
        self._watchers: dict[str, set[Watcher]] = {}
        self._pubsub: Any = None
        #: Counts subscriptions: Redis may have come back without what it had before the last one.
        self.subscription = 0

    @contextlib.contextmanager
    def watch(self, *subjects: str, lists: bool = False) -> Generator[Watcher]:
        """A watcher of these subjects (and of lists: ``changed`` then collects subjects)."""
        watcher = Watcher()
        channels = [bell_channel(subject) for subject in subjects] + ([LIST_CHANNEL] if lists else [])
        for channel in channels:
            self._watchers.setdefault(channel, set()).add(watcher)
        fresh = [channel for channel in channels if len(self._watchers[channel]) == 1]
        self._later("subscribe", fresh)
        try:
            yield watcher
        finally:
            for channel in channels:
                self._watchers[channel].discard(watcher)
                if not self._watchers[channel]:
                    del self._watchers[channel]
            self._later("unsubscribe", [channel for channel in channels if channel not in self._watchers])

    async def run(self) -> None:
        """Listen until cancelled; reconnects by itself."""
        while True:
            try:
                await self._listen()
            except (RedisError, *BUS_UNAVAILABLE) as error:
                log.warning("bells.waiting", error=type(error).__name__)
                await asyncio.sleep(0.5)
            finally:
                self._pubsub = None

    async def _listen(self) -> None:
        pubsub = self._bus.redis.pubsub()
        try:
            subscribed = set(self._watchers)
            await pubsub.subscribe(SEALED_CHANNEL, *subscribed)
            self._pubsub = pubsub
            self.subscription += 1
            self._later("subscribe", [channel for channel in self._watchers if channel not in subscribed])
            for watchers in self._watchers.values():
                for watcher in watchers:
                    watcher.rung.set()
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=15)
                if message is None:
                    await pubsub.ping()
                elif message["type"] == "message":
                    self._ring(message["channel"].decode(), message["data"].decode())
        finally:
            await pubsub.aclose()

    def _ring(self, channel: str, data: str) -> None:
        if channel == SEALED_CHANNEL:
            self._on_sealed(data)
            return
        for watcher in self._watchers.get(channel, ()):
            if data:
                watcher.changed.add(data)
            watcher.rung.set()

    def _later(self, action: str, channels: list[str]) -> None:
        """(Un)subscribe in the background: a watcher's timer covers the time until it is done."""
        if channels and self._pubsub is not None:
            task = asyncio.ensure_future(self._apply(action, channels))
            task.add_done_callback(_ignore)

    async def _apply(self, action: str, channels: list[str]) -> None:
        pubsub = self._pubsub
        if pubsub is None:
            return
        wanted = [c for c in channels if (c in self._watchers) == (action == "subscribe")]
        if wanted:
            await getattr(pubsub, action)(*wanted)
            for channel in wanted:
                for watcher in self._watchers.get(channel, ()):
                    watcher.rung.set()


def _ignore(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.warning("bells.subscription_failed", error=type(task.exception()).__name__)
