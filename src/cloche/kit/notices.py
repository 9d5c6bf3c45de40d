"""PostgreSQL's NOTIFY between processes: hints, never data. Whoever misses one finds out by a poll."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (only connect is used, and cast)

_CLOSE_S: Final = 2.0


class Notices:
    """One session that tells and hears on one channel; what it tells it does not hear itself.

    ``lost`` is set once the session has ended.
    """

    def __init__(self, session: Any, channel: str) -> None:
        self._session = session
        self._channel = channel
        self.lost = asyncio.Event()

    async def tell(self, text: str) -> None:
        """Let every other session on the channel hear ``text``.

        Raises: what PostgreSQL raises when it is away.
        """
        await self._session.execute("SELECT pg_notify($1, $2)", self._channel, text)

    async def check(self) -> None:
        """Raises when the session does not answer any more, which an idle one may not notice."""
        await self._session.execute("SELECT")


@contextlib.asynccontextmanager
async def open_notices(
    dsn: str, *, service: str, channel: str, heard: Callable[[str], None]
) -> AsyncGenerator[Notices]:
    """A session that listens until the context ends; ``heard`` gets the text of each notice, in the running loop.

    Raises: what PostgreSQL raises when it is away.
    """
    connecting: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
    # A notice makes its transaction one that writes; a lost one does no harm, so its commit waits for no disk.
    settings = {"application_name": f"cloche-{service}-notices", "synchronous_commit": "off"}
    session: Any = await connecting(dsn, timeout=10, command_timeout=10, server_settings=settings)
    notices = Notices(session, channel)
    own_pid: int = session.get_server_pid()

    def end(_session: object) -> None:
        notices.lost.set()

    def hear(_session: object, pid: int, _channel: str, text: str) -> None:
        if pid != own_pid:
            heard(text)

    try:
        session.add_termination_listener(end)
        await session.add_listener(channel, hear)
        yield notices
    finally:
        try:
            await session.close(timeout=_CLOSE_S)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
            session.terminate()
