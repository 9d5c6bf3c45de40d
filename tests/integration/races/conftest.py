"""Sessions for calls that race."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest


@pytest.fixture
async def sessions(database: Any) -> AsyncIterator[list[Any]]:
    """One for each call, and one that looks on."""
    async with contextlib.AsyncExitStack() as stack:
        opened: list[Any] = []
        for _ in range(3):
            session: Any = await asyncpg.connect(database.owner)
            stack.push_async_callback(session.close)
            opened.append(session)
        yield opened
