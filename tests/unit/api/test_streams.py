"""A stream of events whose store goes away ends as if its connection had: the reader comes again."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from cloche.api.routes.streams import _until_away


async def events(error: Exception) -> AsyncIterator[bytes]:
    yield b"event: evaluation.queued"
    raise error


@pytest.mark.parametrize("error", [asyncpg.ConnectionDoesNotExistError("gone"), RedisConnectionError("gone")])
async def test_stream_ends_where_a_store_goes_away(error: Exception):
    assert [part async for part in _until_away(events(error))] == [b"event: evaluation.queued"]


async def test_defect_in_a_stream_is_told():
    with pytest.raises(KeyError):
        [part async for part in _until_away(events(KeyError("name")))]
