"""Waking up whoever waits in this process. A ring is a hint: a poll stands behind every wait."""

import asyncio
from collections.abc import Callable


class Doorbell:
    """Anyone may listen; a ring wakes all who listened before it.

    Listen *before* looking for work: then what comes in between rings the bell that is listened to.
    ``rung`` is called with each ring that other replicas are to hear of.
    """

    def __init__(self, rung: Callable[[], None] | None = None) -> None:
        self._next = asyncio.Event()
        self._rung = rung

    def listen(self) -> asyncio.Event:
        """The event that the next ring sets."""
        return self._next

    def ring(self) -> None:
        """Wake everyone, other replicas' too."""
        self.ring_here()
        if self._rung is not None:
            self._rung()

    def ring_here(self) -> None:
        """Wake everyone in this process."""
        self._next.set()
        self._next = asyncio.Event()


async def wait_for_ring(bell: asyncio.Event, timeout_s: float) -> bool:
    """Wait until the bell rings or ``timeout_s`` is over; whether it rang."""
    try:
        async with asyncio.timeout(timeout_s):
            await bell.wait()
    except TimeoutError:
        return False
    return True
