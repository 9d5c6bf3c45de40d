"""Publishes one attempt's events in order, through a bounded spool that waits out a bus that is away or full."""

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cloche.kit import bus
from cloche.kit.bus import Bus, Group, NewEvent, RedisError
from cloche.kit.logs import get_logger

log = get_logger()

#: How much may wait here; then whoever publishes waits, and so the program that writes.
SPOOL_BYTES: Final = 512 * 1024
#: How much of what was published is kept, to be published again should the bus lose it.
KEPT_BYTES: Final = 512 * 1024
#: One call brings at most so much, but for a single larger event.
GROUP_BYTES: Final = 256 * 1024
#: How long the bus may be away or full until the attempt goes on without it.
PATIENCE_S: Final = 240.0
_FIRST_DELAY_S: Final = 0.05
_MAX_DELAY_S: Final = 1.0


class AttemptPublisher:
    """The worker's own sequence for one attempt. ``close`` it in the end.

    Once a later attempt has begun, or the bus was away for ``PATIENCE_S``, the rest is silent: its output then
    comes with the record, or is named missing there.
    """

    def __init__(self, to: Bus, evaluation_id: UUID, attempt: int) -> None:
        self._bus = to
        self._subject = str(evaluation_id)
        self._attempt = attempt
        self._count = 0
        self._silent = False
        self._in_list = False
        self._waiting: deque[NewEvent] = deque()
        self._waiting_bytes = 0
        self._kept: deque[NewEvent] = deque()
        self._kept_bytes = 0
        self._sender: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    @property
    def last_event(self) -> int:
        """The sequence of the last event, 0 when there was none."""
        return self._count

    async def publish(self, events: Sequence[tuple[str, str]], *, in_list: bool = False) -> None:
        """Publish (type, body) pairs, in this order and soon; waits while ``SPOOL_BYTES`` wait already."""
        if self._silent:
            return
        for kind, body in events:
            self._count += 1
            self._waiting.append(NewEvent(self._count, kind, body))
            self._waiting_bytes += len(body)
        self._in_list |= in_list
        self._start()
        await self._until(SPOOL_BYTES)

    async def drain(self, patience_s: float) -> None:
        """Return when nothing waits any more, or after ``patience_s``."""
        try:
            async with asyncio.timeout(patience_s):
                await self._until(0)
        except TimeoutError:
            log.warning("publish.left", evaluation_id=self._subject, attempt=self._attempt, events=len(self._waiting))

    def close(self) -> None:
        """Give up what still waits. Idempotent."""
        if self._sender is not None:
            self._sender.cancel()

    async def _until(self, most_bytes: int) -> None:
        while self._waiting and self._waiting_bytes >= most_bytes and not self._silent:
            self._moved.clear()
            self._start()
            await self._moved.wait()

    def _start(self) -> None:
        if self._waiting and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        delay_s, give_up_at = _FIRST_DELAY_S, loop.time() + PATIENCE_S
        try:
            while self._waiting and not self._silent:
                if await self._send(self._next_group()):
                    delay_s, give_up_at = _FIRST_DELAY_S, loop.time() + PATIENCE_S
                elif loop.time() > give_up_at:
                    log.warning("publish.given_up", evaluation_id=self._subject, attempt=self._attempt)
                    self._be_silent()
                else:
                    await asyncio.sleep(delay_s)
                    delay_s = min(delay_s * 2, _MAX_DELAY_S)
        except Exception:
            log.exception("publish.defect", evaluation_id=self._subject, attempt=self._attempt)
            self._be_silent()

    def _be_silent(self) -> None:
        self._silent = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._moved.set()

    def _next_group(self) -> list[NewEvent]:
        room = itertools.accumulate((len(event.body) for event in self._waiting), initial=0)
        return [event for event, before in zip(self._waiting, room, strict=False) if before < GROUP_BYTES]

    async def _send(self, events: list[NewEvent], *, unbroken: bool = True) -> bool:
        """Whether the bus has taken, or will never take, these."""
        group = Group(
            self._subject,
            f"worker:{self._attempt}",
            self._attempt,
            events,
            in_list=self._in_list,
            unbroken=unbroken,
        )
        try:
            answer = await self._bus.publish(group)
        except (RedisError, OSError) as error:
            log.warning("publish.waiting", evaluation_id=self._subject, error=type(error).__name__)
            return False
        match answer:
            case bus.OVER:
                self._be_silent()
            case bus.LOST:
                return await self._send_again()
            case bus.FULL:
                return False
            case _:
                self._note_taken(events)
        return True

    async def _send_again(self) -> bool:
        """The bus lost what it had: begin anew with what is kept; storing what was stored already changes nothing."""
        log.warning("publish.again", evaluation_id=self._subject, attempt=self._attempt, events=len(self._kept))
        self._waiting.extendleft(reversed(self._kept))
        self._waiting_bytes += self._kept_bytes
        self._kept.clear()
        self._kept_bytes = 0
        return await self._send(self._next_group(), unbroken=False)

    def _note_taken(self, events: Sequence[NewEvent]) -> None:
        self._in_list = False
        for event in events:
            self._waiting.popleft()
            self._waiting_bytes -= len(event.body)
            self._kept.append(event)
            self._kept_bytes += len(event.body)
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft().body)
        self._moved.set()
