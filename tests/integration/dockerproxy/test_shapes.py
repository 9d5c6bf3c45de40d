"""Whatever bytes come, in whatever pieces: what reaches the Engine is always one of the ten shapes."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shapes
from attack import JSON, ORDER, UPGRADE, create, line
from attacks_on_orders import ON_ORDERS
from attacks_on_requests import ON_REQUESTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_engine import RecordingEngine

from cloche.dockerproxy.app import compose
from cloche.dockerproxy.server import Server
from cloche.dockerproxy.settings import ProxySettings
from cloche.kit.http_exchange import CHUNK_BYTES

FEW = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=10_000)


class Arena:
    """A proxy and an Engine that records, in an event loop that goes on from example to example."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder
        self.recorder = RecordingEngine()
        self.own = ""

    def tell(self, pieces: list[bytes]) -> tuple[list[bytes], bytes]:
        """What the Engine is told because of these pieces, and what the caller is answered."""
        before = len(self.recorder.said)
        answer = self._runner.run(self._tell(pieces))
        return [bytes(said) for said in self.recorder.said[before:]], answer

    async def serve(self, stack: contextlib.AsyncExitStack) -> None:
        await stack.enter_async_context(self.recorder.listening(self._folder / "engine"))
        chosen = ProxySettings(
            listen="fd:3",
            docker_socket=self._folder / "engine",
            instance=shapes.INSTANCE,
            images={"bash": "x"},
            max_containers=4096,
            creates_per_s=10_000,
            max_total_memory_bytes=1 << 60,
            max_total_cpus_milli=1 << 40,
        )
        server: Server = (await compose(chosen))[0]
        self.own = await server._calls.create(json.dumps(ORDER).encode())
        listening = await asyncio.start_unix_server(server.connected, self._folder / "proxy", limit=CHUNK_BYTES)
        stack.callback(listening.close)

    async def _tell(self, pieces: list[bytes]) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._folder / "proxy")
        got = b""
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            writer.write_eof()
            async with asyncio.timeout(20):
                got = await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return got


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with tempfile.TemporaryDirectory(prefix="cloche-sh-", dir="/tmp") as name, asyncio.Runner() as runner:
        made, stack = Arena(runner, Path(name)), contextlib.AsyncExitStack()
        runner.run(made.serve(stack))
        yield made
        runner.run(stack.aclose())


CALLS = [
    *(line(f"POST /containers/<OWN>/{call}").encode() for call in ("start", "wait")),
    *(line(f"GET {target}").encode() for target in ("/containers", "/containers/<OWN>")),
    line("POST /containers/<OWN>/attach", UPGRADE).encode(),
    create(json.dumps(ORDER)),
]
#: What has fooled a parser before.
WORDS = [
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b"\r\n\r\n", b"%2f", b"%00", b"?", b"/v1.41", b"/..", b"//", b"0"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n"),
    *(b"Expect: 100-continue\r\n", b"Content-Length: 5\r\n"),
    *(b"Connection: Upgrade\r\nUpgrade: tcp\r\n", b" HTTP/1.1", b" HTTP/1.0", b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n"),
    *(b'"Privileged":true,', b'"HostConfig":{"Privileged":true},', b"null", b"true", b"-1", b"1e9", b"{", b"}", b'"'),
    *(b"\xc5\xbf", b"\xef\xbb\xbf", b"\\u0050", b"host", b"exec", b"/exec", b"/build", b"bash", b"<OWN>"),
]  # fmt: skip
ATTACKS = [a.bytes_for(own="<OWN>", foreign="f" * 64, name="x") for a in (*ON_ORDERS, *ON_REQUESTS) if not a.late]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A call, or an attack, with up to five places cut, doubled, or filled with something else."""
    sent = draw(st.sampled_from(CALLS) | st.sampled_from(ATTACKS))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(sent)))
        end = draw(st.integers(start, min(len(sent), start + 20)))
        put = draw(st.sampled_from([b"", sent[start:end] * 2, *WORDS]) | st.binary(max_size=8))
        sent = sent[:start] + put + sent[end:]
    return sent


def in_pieces(sent: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The same bytes, cut anywhere."""

    def cut(whole: bytes) -> st.SearchStrategy[list[bytes]]:
        places = st.lists(st.integers(0, len(whole)), max_size=4).map(sorted)
        return places.map(lambda at: [whole[a:b] for a, b in zip([0, *at], [*at, len(whole)], strict=True)])

    return sent.flatmap(cut)


VALUES = st.integers() | st.text(max_size=20) | st.none() | st.booleans() | st.floats() | st.lists(st.integers())
RIGHT = {
    "image": st.just("bash"),
    "label": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    **{key: st.integers(least, most) for key, (least, most) in shapes.MOST.items()},
}
#: Values at and beyond the edges of what is allowed.
WRONG = {
    "image": VALUES,
    "label": st.from_regex(r"[A-Za-z0-9 .,:{}+-]{0,4}", fullmatch=True) | VALUES,
    **{key: st.integers(least - 2, most + 2) | VALUES for key, (least, most) in shapes.MOST.items()},
}
MORE = ["HostConfig", "Privileged", "Binds", "User", "Image", "x"]


@st.composite
def orders(draw: st.DrawFn) -> bytes:
    """An order that is right but for up to two values, and now and then says more."""
    order = draw(st.fixed_dictionaries(RIGHT))
    for key in draw(st.lists(st.sampled_from([*WRONG, *MORE]), max_size=2)):
        order[key] = draw(WRONG.get(key, VALUES | st.dictionaries(st.sampled_from(MORE), VALUES, max_size=1)))
    return create(json.dumps(order, ensure_ascii=draw(st.booleans())))


def nothing_but_shapes(arena: Arena, pieces: list[bytes]) -> None:
    pieces = b"\x1e".join(pieces).replace(b"<OWN>", arena.own.encode()).split(b"\x1e")
    told, answer = arena.tell(pieces)
    assert len(told) <= 1
    assert all(shapes.is_one(said, {arena.own}) for said in told), told
    assert answer.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 20", b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert b"HTTP/1.1 500" not in answer


def must_pass(arena: Arena, order: dict[str, Any], at: int) -> None:
    sent = create(json.dumps(order))
    told, answer = arena.tell([sent[:at], sent[at:]])
    assert answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 429 "))
    assert [shapes.is_one(said, set()) for said in told] == [True] * len(told)


PROPERTIES: list[tuple[str, Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = [
    ("any bytes", nothing_but_shapes, (in_pieces(st.binary(max_size=400)),)),
    ("mutated requests", nothing_but_shapes, (in_pieces(mutated()),)),
    ("orders", nothing_but_shapes, (in_pieces(orders()),)),
    ("right orders pass", must_pass, (st.fixed_dictionaries(RIGHT), st.integers(0, 300))),
]


@pytest.mark.parametrize(("prove", "over"), [pytest.param(p, o, id=name) for name, p, o in PROPERTIES])
def test_only_the_shapes_reach_the_engine(arena: Arena, prove: Callable[..., None], over: tuple[Any, ...]) -> None:
    FEW(given(st.tuples(*over))(lambda drawn: prove(arena, *drawn)))()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("prove", "over"), [pytest.param(p, o, id=name) for name, p, o in PROPERTIES])
def test_only_the_shapes_reach_the_engine_at_length(
    arena: Arena, prove: Callable[..., None], over: tuple[Any, ...]
) -> None:
    MANY(given(st.tuples(*over))(lambda drawn: prove(arena, *drawn)))()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.partition(b"\r\n")[0].decode())
def test_each_call_reaches_the_engine_as_its_shape(arena: Arena, call: bytes) -> None:
    """Else the properties above would hold of a proxy that refuses everything."""
    told, answer = arena.tell([call.replace(b"<OWN>", arena.own.encode())])
    assert answer.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 20")), answer
    assert [shapes.is_one(said, {arena.own}) for said in told] == [True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"Privileged": false', b'"Privileged": true '),
        (b'"CapDrop": ["ALL"]', b'"CapDrop": []     '),
        (b"size=1048576", b"suid=1048576"),
        (b"containers/create?", b"containers/create%"),
        (b'"Tty": false', b'"tty": false'),
    ],
)
def test_the_shapes_are_narrow(arena: Arena, old: bytes, new: bytes) -> None:
    told, _ = arena.tell([create(json.dumps(ORDER), JSON)])
    assert old in told[0]
    assert shapes.is_one(told[0], set())
    assert not shapes.is_one(told[0].replace(old, new.ljust(len(old))), set())
