"""Every order in which the statements of two calls can follow each other, each run on the real PostgreSQL.

Orders are found, not listed: after a run, wherever the other call could have gone on instead, that becomes a run too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

#: How long a statement may take before the lock table is asked whether it waits.
_LOOK_S = 0.003
_BLOCKED = "SELECT cardinality(pg_blocking_pids($1)) > 0"

#: Work on a pool, whose statements are let through one by one.
Work = Callable[[Any], Awaitable[Any]]


class Choice(NamedTuple):
    """Which call went on, and which could have."""

    taken: int
    ready: tuple[int, ...]


class SteppedPool:
    """One session in a pool's place. Each statement and each COMMIT waits to be let through.

    A statement outside a transaction gets one of its own, so that the moment before its COMMIT is a step too.
    """

    def __init__(self, connection: Any, gate: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self._gate = gate
        self._in_transaction = False

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        return await self._pass("fetch", arguments, options)

    async def fetchrow(self, *arguments: Any, **options: Any) -> Any:
        return await self._pass("fetchrow", arguments, options)

    async def fetchval(self, *arguments: Any, **options: Any) -> Any:
        return await self._pass("fetchval", arguments, options)

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        return await self._pass("execute", arguments, options)

    @contextlib.asynccontextmanager
    async def acquire(self, **_: Any) -> AsyncIterator["SteppedPool"]:
        yield self

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            self._in_transaction = True
            try:
                yield
                await self._gate()
            finally:
                self._in_transaction = False

    async def _pass(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if not self._in_transaction:
            async with self.transaction():
                return await self._pass(name, arguments, options)
        await self._gate()
        return await getattr(self._connection, name)(*arguments, **options)


class Call:
    """A call at work on a session of its own."""

    def __init__(self, connection: Any, work: Work) -> None:
        self._pid: int = connection.get_server_pid()
        self._standing, self._go = asyncio.Event(), asyncio.Event()
        self.ended: asyncio.Future[Any] = asyncio.ensure_future(work(SteppedPool(connection, self._stand)))

    async def _stand(self) -> None:
        self._standing.set()
        await self._go.wait()
        self._go.clear()

    @property
    def ready(self) -> bool:
        return self._standing.is_set() and not self.ended.done()

    def step(self) -> None:
        self._standing.clear()
        self._go.set()

    async def settle(self, observer: Any) -> None:
        """Return when it stands before a statement, waits for a lock, or has ended."""
        while True:
            standing = asyncio.ensure_future(self._standing.wait())
            done, _ = await asyncio.wait([standing, self.ended], timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            standing.cancel()
            if done or await observer.fetchval(_BLOCKED, self._pid):
                return


async def run_in_order(observer: Any, calls: Sequence[Call], wanted: Sequence[int]) -> list[Choice]:
    """Let both go on in the order ``wanted``, and after its end as they can; returns the whole order."""
    choices: list[Choice] = []
    while True:
        for call in calls:
            await call.settle(observer)
        ready = tuple(number for number, call in enumerate(calls) if call.ready)
        if ready:
            taken = wanted[len(choices)] if len(choices) < len(wanted) else ready[0]
            assert taken in ready, "the same steps led to another state"
            choices.append(Choice(taken, ready))
            calls[taken].step()
        elif all(call.ended.done() for call in calls):
            return choices


async def every_order(run: Callable[[Sequence[int]], Awaitable[list[Choice]]]) -> int:
    """Call ``run`` with the beginning of each order, until none is left; how many there were."""
    beginnings: list[tuple[int, ...]] = [()]
    count = 0
    while beginnings:
        beginning = beginnings.pop()
        choices = await run(beginning)
        count += 1
        taken = tuple(choice.taken for choice in choices)
        for place in range(len(beginning), len(choices)):
            others = [other for other in choices[place].ready if other != taken[place]]
            beginnings += [(*taken[:place], other) for other in others]
    return count
