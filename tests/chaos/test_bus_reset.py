"""A connection to Redis that is reset while it idles is an outage of a moment and no defect, on either event loop."""

import asyncio
import contextlib
from collections.abc import Callable
from uuid import uuid4

import pytest
import uvloop

from cloche.kit.bus import Bus, Group, NewEvent, RedisError
from cloche.stack.valkey_server import ValkeyServer

from .proxy import Proxy


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_reset_connection_is_an_outage_of_a_moment(
    valkey: ValkeyServer, new_loop: Callable[[], asyncio.AbstractEventLoop]
):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(published_after_a_reset(valkey)) == 2


async def published_after_a_reset(valkey: ValkeyServer) -> int:
    """The sequence of an event that is published until it is, after the connection of an earlier one was reset."""
    proxy = Proxy(lambda: asyncio.open_unix_connection(valkey.socket))
    port = await proxy.listen_on_port()
    bus = Bus.connect(f"redis://owner:{valkey.passwords['owner']}@127.0.0.1:{port}/0")
    subject = str(uuid4())
    try:
        await bus.publish(group(subject, 1))
        assert proxy.drop() == 1
        await asyncio.sleep(0.1)  # the reset arrives
        while True:
            with contextlib.suppress(RedisError, OSError):
                return await bus.publish(group(subject, 2))
    finally:
        await bus.close()
        await proxy.close()


def group(subject: str, pseq: int) -> Group:
    return Group(subject, "worker:1", 1, [NewEvent(pseq, "output", "{}")])
