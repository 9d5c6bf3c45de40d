"""An Engine that answers otherwise than it should: nothing of what it says gets through."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from strange_engine import ID, ORDER, StrangeEngine, answer, proxy_before_it

from cloche.executor.engines.docker.proxy_client import ProxyClient
from cloche.kit.errors import ClocheError, ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from cloche.kit.http_exchange import Exchange

SECRET = "/var/lib/docker/overlay2/secret-path"


@pytest.fixture
def strange(spawn_docker_proxy: Callable[..., subprocess.Popen[bytes]]) -> Iterator[tuple[StrangeEngine, ProxyClient]]:
    with proxy_before_it(spawn_docker_proxy) as both:
        yield both


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Internal Server Error", UnavailableError),
        ("400 Bad Request", InvalidRequestError),
        ("403 Forbidden", UnavailableError),
        ("404 Not Found", NotFoundError),
        ("409 Conflict", ConflictError),
        ("301 Moved Permanently", UnavailableError),
    ],
)
async def test_the_engines_own_words_never_reach_a_caller(
    strange: tuple[StrangeEngine, ProxyClient], status: str, error: type[ClocheError]
) -> None:
    engine, client = strange
    engine.says = answer(status, {"message": SECRET}, f"Location: {SECRET}", f"Server: {SECRET}")
    with pytest.raises(error) as raised:
        await client.start(ID)
    assert type(raised.value) is error
    assert "secret" not in raised.value.detail


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-x\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="cut short"),
        pytest.param(answer("200 OK", b"not json"), id="not JSON"),
        pytest.param(answer("200 OK", {"State": {}}), id="other JSON"),
        pytest.param(answer("200 OK", b" " * 9_000_000), id="far too much"),
        pytest.param(answer("200 OK", b""), id="an empty answer"),
        pytest.param(answer("200 OK", []), id="an empty list"),
        pytest.param(answer("200 OK", [{"Id": ID}]), id="a list of something else"),
        pytest.param(answer("200 OK", {"memory_stats": []}), id="lists for objects"),
        pytest.param(answer("200 OK", "text"), id="a text"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_a_failure_of_the_engine(
    strange: tuple[StrangeEngine, ProxyClient], says: bytes
) -> None:
    engine, client = strange
    engine.says = says
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.inspect(ID)
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.create(ORDER)


@pytest.mark.parametrize("listed", [{}, "x", [1], [{"Id": ID}], [{"Id": ID, "Labels": None, "State": 1, "Created": 1}]])
async def test_a_list_that_is_none_is_a_failure_of_the_engine(
    strange: tuple[StrangeEngine, ProxyClient], listed: Any
) -> None:
    engine, client = strange
    engine.says = answer("200 OK", listed)
    with pytest.raises(UnavailableError, match="The Docker Engine"):
        await client.labels()


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "500 Internal Server Error"])
async def test_without_the_engines_own_101_no_stream_is_opened(
    strange: tuple[StrangeEngine, ProxyClient], status: str
) -> None:
    engine, client = strange
    engine.says = f"HTTP/1.1 {status}\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n{SECRET}".encode()
    with pytest.raises(UnavailableError), contextlib.closing(await client.attach(ID)):
        pass


@pytest.mark.parametrize(("status", "error"), [("404 Not Found", NotFoundError), ("409 Conflict", ConflictError)])
async def test_the_engines_refusal_of_a_stream_is_told_as_what_it_is(
    strange: tuple[StrangeEngine, ProxyClient], status: str, error: type[Exception]
) -> None:
    engine, client = strange
    engine.says = f"HTTP/1.1 {status}\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n{SECRET}".encode()
    with pytest.raises(error):
        await client.attach(ID)


async def test_an_id_that_is_not_one_is_never_believed(strange: tuple[StrangeEngine, ProxyClient]) -> None:
    engine, client = strange
    for wrong in ("", "ab", ID.upper(), f"{ID}/../x", 7):
        engine.says = answer("201 Created", {"Id": wrong})
        with pytest.raises(UnavailableError):
            await client.create(ORDER)


async def test_an_engine_that_was_renewed_is_spoken_to_as_it_now_speaks(
    strange: tuple[StrangeEngine, ProxyClient],
) -> None:
    engine, client = strange
    assert all(line.split()[1].startswith((b"/version", b"/v1.41/")) for line in engine.lines)
    engine.speaks = ("1.44", "1.52")
    async with await Exchange.open(client.address, "GET", "/readyz") as asked:
        assert await asked.head() == 200
    engine.lines.clear()
    assert await client.create(ORDER) == ID
    assert [line.split()[1].partition(b"?")[0] for line in engine.lines] == [b"/v1.44/containers/create"]
