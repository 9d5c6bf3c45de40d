import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import BaseModel

from cloche.kit.errors import UnavailableError
from cloche.kit.http_client import ServiceClient


class Words(BaseModel):
    words: str


@contextlib.asynccontextmanager
async def service_saying(path: Path, *, count: int, length_known: bool) -> AsyncIterator[ServiceClient]:
    """A service whose one answer has ``count`` characters, told beforehand or not."""
    body = Words(words="x" * count).model_dump_json().encode()

    async def answer(request: web.Request) -> web.StreamResponse:
        if length_known:
            return web.Response(body=body)
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for place in range(0, len(body), 1000):
                await response.write(body[place : place + 1000])
        return response

    app = web.Application()
    app.router.add_route("*", "/words", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        async with ServiceClient(f"unix:{path}", "token") as client:
            yield client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("length_known", [True, False])
async def test_answer_larger_than_the_cap_is_refused(tmp_path: Path, length_known: bool):
    async with service_saying(tmp_path / "s.sock", count=50_000, length_known=length_known) as client:
        with pytest.raises(UnavailableError, match="more than 50000 bytes"):
            await client.get("/words", Words, max_bytes=50_000)
        with pytest.raises(UnavailableError, match="more than 50000 bytes"):
            await client.post("/words", Words(words=""), Words, max_bytes=50_000)
        assert len((await client.get("/words", Words, max_bytes=50_100)).words) == 50_000


async def test_long_answer_where_none_is_expected_is_refused(tmp_path: Path):
    async with service_saying(tmp_path / "s.sock", count=100_000, length_known=False) as client:
        with pytest.raises(UnavailableError, match="more than"):
            await client.post_nothing("/words", Words(words=""))
