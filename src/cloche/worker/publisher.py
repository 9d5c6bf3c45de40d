"""Publishes one attempt's events in order, waiting out a Redis that is away."""

import asyncio
from uuid import UUID

from cloche.kit.bus import Bus, NewEvent, RedisError
from cloche.kit.logs import get_logger

log = get_logger()

#: How long a publish is tried before the attempt goes on without live output.
PATIENCE_S = 30.0
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 2.0


class AttemptPublisher:
    """The worker's own sequence for one attempt.

    While it waits, nobody reads the executor's stream: the pressure reaches the program's pipe
    instead of a buffer.
    """

    def __init__(self, bus: Bus, evaluation_id: UUID, attempt: int) -> None:
        self._bus = bus
        self._subject = str(evaluation_id)
        self._attempt = attempt
        self._count = 0
        self._silent = False

    @property
    def last_event(self) -> int:
        """The sequence of the last event, 0 when none was published."""
        return self._count

    async def publish(self, events: list[tuple[str, str]], *, in_list: bool = False) -> None:
        """Publish (type, body) pairs as one group.

        After ``PATIENCE_S`` without Redis, or when the bus says that a later attempt has begun, the
        rest of this attempt is silent: its output then comes with the record, or is named missing.
        """
        if self._silent:
            return
        group = [NewEvent(self._count + place, kind, body) for place, (kind, body) in enumerate(events, start=1)]
        self._count += len(group)
        delay_s = _FIRST_DELAY_S
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                sequence = await self._bus.publish(
                    self._subject, f"worker:{self._attempt}", self._attempt, group, in_list=in_list
                )
            except (RedisError, OSError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    log.warning("publish.given_up", error=type(error).__name__)
                    self._silent = True
                    return
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _MAX_DELAY_S)
            else:
                self._silent = sequence < 0
                return
