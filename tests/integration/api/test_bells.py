"""Doorbells on a real Redis."""

import asyncio
import contextlib
from typing import Any

import pytest
import redis.asyncio

from cloche.api.bells import Bells, Watcher
from cloche.kit.bus import Bus, bell_channel


async def test_whoever_comes_while_the_subscription_is_made_is_rung_too(
    redis_urls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = Bus.connect(redis_urls["api"])
    bells = Bells(bus, lambda _: None)
    make, watching = bus.redis.pubsub, contextlib.ExitStack()
    came: asyncio.Future[Watcher] = asyncio.get_running_loop().create_future()

    def pubsub() -> Any:
        made = make()
        subscribe = made.subscribe

        async def subscribe_and_be_joined(*channels: str) -> None:
            await subscribe(*channels)
            if not came.done():
                came.set_result(watching.enter_context(bells.watch("late")))

        made.subscribe = subscribe_and_be_joined
        return made

    monkeypatch.setattr(bus.redis, "pubsub", pubsub)
    listening = asyncio.create_task(bells.run())
    publisher = redis.asyncio.from_url(redis_urls["worker"])
    try:
        watcher = await came
        async with asyncio.timeout(10):
            while not await publisher.publish(bell_channel("late"), ""):  # noqa: ASYNC110  (until Redis knows it)
                await asyncio.sleep(0.02)
        assert await watcher.wait(10)
    finally:
        watching.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await publisher.aclose()
        await bus.close()
