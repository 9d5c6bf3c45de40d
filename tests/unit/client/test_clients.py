"""Both clients against a scripted transport: what goes out, what comes back, what is tried again."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cloche.client.async_client import AsyncClient
from cloche.client.client import Client
from cloche.client.retry import Retry
from cloche.client.settings import ClientSettings
from cloche.client.watching import OutputChunk
from cloche.client.wire import ForeignAnswerError
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.problem import FieldProblem
from cloche.contracts.submission import EvaluationRequest
from cloche.kit.errors import (
    ClocheError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    TooLargeError,
    UnavailableError,
)

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden"
ID = UUID("01890000-0000-7000-8000-000000000001")
REQUEST = EvaluationRequest(runtime="python", source="print(1)")
_OUTPUT = {"text": "", "base64": None, "bytes": 0, "kept": 0, "shown": 0, "truncated": False, "missing": []}
_STEPS = ("queued", "leased", "started", "cell_ready", "compiled", "finished", "stored")

Answer = httpx.Response | httpx.RequestError


def evaluation(status: str = "finished", number: int = 1) -> dict[str, Any]:
    nothing = ("engine", "isolation", "wall_time_ms", "cpu_time_ms", "peak_memory_bytes", "rerun_of", "evidence")
    return {
        **dict.fromkeys((*nothing, "exit_code", "signal", "memory_source", "compile", "program")),
        "id": str(UUID(int=number)),
        "status": status,
        "verdict": "accepted" if status == "finished" else None,
        "message": "",
        "name": "",
        "labels": {},
        "runtime": "python",
        "attempts": 1,
        "cancel_requested": False,
        "timeline": {"created_at": "now", **{f"{step}_at": None for step in _STEPS}},
        "stdout": _OUTPUT,
        "stderr": _OUTPUT,
        "cases": [],
    }


def ok(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def problem(error: type[ClocheError], headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(error.status, json=error("why").problem().model_dump(), headers=headers)


def stream(*events: tuple[str, object], id_: str = "e.1.1") -> httpx.Response:
    text = "".join(f"id: {id_}\nevent: {kind}\ndata: {json.dumps(body)}\n\n" for kind, body in events)
    return httpx.Response(200, content=text.encode(), headers={"content-type": "text/event-stream"})


class Server:
    """Answers in the order given and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, httpx.RequestError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Pauses are decided as always, noted, and then not waited for."""
    decided: list[float | None] = []
    decide = Retry.pause_s

    def pause_s(self: Retry, retry_after: str | None = None) -> float | None:
        decided.append(decide(self, retry_after))
        return None if decided[-1] is None else 0

    monkeypatch.setattr(Retry, "pause_s", pause_s)
    return decided


def _in_sync(server: Server, use: Callable[[Any], Any]) -> Any:
    with Client("http://cloche.example", api_key="k", transport=httpx.MockTransport(server)) as client:
        result = use(client)
        return list(result) if isinstance(result, Iterator) else result


def _in_async(server: Server, use: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with AsyncClient("http://cloche.example", api_key="k", transport=httpx.MockTransport(server)) as client:
            result = use(client)
            if hasattr(result, "__aiter__"):
                return [item async for item in result]
            return await result

    return asyncio.run(main())


@pytest.fixture(params=[_in_sync, _in_async], ids=["Client", "AsyncClient"])
def through(request: pytest.FixtureRequest) -> Callable[[Server, Callable[[Any], Any]], Any]:
    return request.param


def test_submitting_sends_what_was_set_with_key_and_repeat_key(through):
    server = Server(ok(evaluation("queued"), 201))
    assert through(server, lambda c: c.submit(REQUEST, wait_s=2)).status == "queued"
    (sent,) = server.asked
    assert (sent.method, sent.url.path, sent.url.query) == ("POST", "/api/v1/evaluations", b"wait=2")
    assert json.loads(sent.content) == {"runtime": "python", "source": "print(1)"}
    assert sent.headers["authorization"] == "Bearer k"
    assert sent.headers["content-type"] == "application/json"
    assert len(sent.headers["idempotency-key"]) >= 32


def test_a_lost_submission_is_sent_again_under_the_same_key(through):
    server = Server(httpx.ReadError("gone"), httpx.ConnectError("refused"), ok(evaluation("queued"), 201))
    through(server, lambda c: c.submit(REQUEST))
    assert len({request.headers["idempotency-key"] for request in server.asked}) == 1
    assert len(server.asked) == 3


def test_a_given_key_is_used(through):
    server = Server(ok(evaluation("queued"), 201))
    through(server, lambda c: c.submit(REQUEST, idempotency_key="mine"))
    assert server.asked[0].headers["idempotency-key"] == "mine"


def test_a_group_is_sent_as_one_under_one_key(through):
    ids = [str(uuid4()), str(uuid4())]
    server = Server(httpx.ReadError("gone"), ok({"ids": ids}, 201))
    assert [str(one) for one in through(server, lambda c: c.submit_group([REQUEST, REQUEST]))] == ids
    assert [sent.url.path for sent in server.asked] == ["/api/v1/evaluations:batch"] * 2
    assert json.loads(server.asked[1].content) == {"evaluations": [{"runtime": "python", "source": "print(1)"}] * 2}
    assert len({sent.headers["idempotency-key"] for sent in server.asked}) == 1


def test_running_asks_until_it_is_finished(through):
    server = Server(ok(evaluation("queued"), 201), ok(evaluation("running")), ok(evaluation()))
    assert through(server, lambda c: c.run(REQUEST)).verdict == "accepted"
    assert [request.url.params["wait"] for request in server.asked] == ["30", "30", "30"]


@pytest.mark.parametrize("error", [NotFoundError, ForbiddenError, TooLargeError, ConflictError])
def test_an_error_comes_back_as_its_class_and_is_not_tried_again(through, error):
    server = Server(problem(error))
    with pytest.raises(error, match="why"):
        through(server, lambda c: c.get(ID))
    assert len(server.asked) == 1


def test_an_invalid_request_names_its_fields(through):
    field = FieldProblem(field="limits.wall_time_s", message="too long", limit=300)
    refusal = InvalidRequestError("no", errors=[field]).problem().model_dump()
    with pytest.raises(InvalidRequestError) as caught:
        through(Server(ok(refusal, 422)), lambda c: c.submit(REQUEST))
    assert caught.value.errors == [field]


def test_too_much_at_once_is_tried_again_after_the_time_asked(through, quick_pauses):
    server = Server(problem(OverloadedError, {"Retry-After": "3"}), problem(UnavailableError), ok(evaluation()))
    assert through(server, lambda c: c.get(ID)).status == "finished"
    assert quick_pauses[0] == 3


def test_trying_again_ends_with_the_servers_own_error(through):
    server = Server(*[problem(OverloadedError) for _ in range(4)])
    with pytest.raises(OverloadedError):
        through(server, lambda c: c.get(ID))
    assert len(server.asked) == 4


def test_nobody_there_says_what_to_do(through):
    server = Server(*[httpx.ConnectError("refused") for _ in range(4)])
    with pytest.raises(UnavailableError, match=r"http://cloche\.example.*`cloche up`"):
        through(server, lambda c: c.runtimes())


def test_executors_come_with_their_tiers(through):
    golden = json.loads((GOLDEN / "executors.json").read_text(encoding="utf-8"))
    server = Server(ok(golden))
    (seen,) = through(server, lambda c: c.executors())
    assert [(tier.isolation, tier.healthy) for tier in seen.offer.tiers] == [("process", False), ("namespace", True)]
    assert server.asked[0].url.path == "/api/v1/executors"


@pytest.mark.parametrize("status", [200, 404])
def test_what_is_not_cloche_is_told_as_such(through, status):
    with pytest.raises(ForeignAnswerError, match=r"cloche\.example is not Cloche"):
        through(Server(httpx.Response(status, text="<html>")), lambda c: c.get(ID))


def test_a_list_is_read_page_by_page_and_only_as_far_as_it_is_used():
    pages = [{"items": [evaluation(number=n)], "next": f"c{n}" if n < 3 else None} for n in (1, 2, 3)]
    server = Server(*map(ok, pages))
    with Client("http://cloche.example", transport=httpx.MockTransport(server)) as client:
        found = client.list(page_size=1)
        assert next(found).id == UUID(int=1)
        assert len(server.asked) == 1
        assert [run.id for run in found] == [UUID(int=2), UUID(int=3)]
    assert [dict(request.url.params) for request in server.asked[1:]] == [
        {"limit": "1", "cursor": "c1"},
        {"limit": "1", "cursor": "c2"},
    ]


def test_watching_goes_on_where_the_connection_broke(through):
    first = {"attempt": 1, "stream": "stdout", "offset": 0, "bytes": 2, "text": "ab", "at": "now"}
    second = {**first, "offset": 1, "text": "bc"}
    server = Server(
        stream(("output", first), id_="e.1.4"),
        httpx.ConnectError("restarting"),
        stream(("output", second), ("evaluation.finished", evaluation()), id_="e.1.9"),
    )
    *chunks, last = through(server, lambda c: c.events(ID))
    assert b"".join(chunk.data for chunk in chunks if isinstance(chunk, OutputChunk)) == b"abc"
    assert isinstance(last, Evaluation)
    assert [request.headers.get("last-event-id") for request in server.asked] == [None, "e.1.4", "e.1.4"]


def test_watching_a_stream_that_never_brings_anything_ends(through):
    def silent(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b": ping\n\n")

    with pytest.raises(UnavailableError):
        through(silent, lambda c: c.events(ID))


def test_watching_what_is_not_there_is_an_error(through):
    with pytest.raises(NotFoundError):
        through(Server(problem(NotFoundError)), lambda c: c.events(ID))


def test_output_comes_as_bytes_from_where_it_was_asked(through):
    server = Server(httpx.Response(206, content=b"\xff\x00"))
    assert through(server, lambda c: c.output(ID, "stdout", start=7)) == b"\xff\x00"
    assert server.asked[0].headers["range"] == "bytes=7-"


def test_output_behind_the_end_is_empty(through):
    assert through(Server(httpx.Response(416)), lambda c: c.output(ID, "stderr", start=7)) == b""


def test_the_environment_is_read_only_when_asked():
    settings = ClientSettings.from_environment({"CLOCHE_URL": "https://x.example", "CLOCHE_API_KEY": "secret"})
    assert settings == ClientSettings("https://x.example", "secret")
    assert "secret" not in repr(settings)
    assert ClientSettings.from_environment({"CLOCHE_URL": "", "CLOCHE_API_KEY": ""}) == ClientSettings()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8400", "ftp://x", "http://", "http://x:99999"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(InvalidRequestError):
        ClientSettings(url)
