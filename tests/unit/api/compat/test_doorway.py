"""A door words every error as its peer does, also what happens below it; keys and origins."""

import asyncpg
import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from cloche.api.compat.doorway import check_path_key, close_router, door_router, header_key
from cloche.api.compat.options import DoorOptions
from cloche.contracts.limits import MAXIMA
from cloche.kit.errors import ClocheError, ForbiddenError, OverloadedError
from cloche.kit.keys import Caller

LISTED = "https://ide.example"


@pytest.fixture
def ask():
    """What a door answers whose only route fails so; with these headers."""

    async def get(error: Exception | None = None, path: str = "/door/route", **headers: str) -> httpx.Response:
        def refuse(found: ClocheError) -> Response:
            return JSONResponse({"peer": found.code}, found.status)

        async def route(request: Request) -> Response:
            if error is not None:
                raise error
            return JSONResponse(dict(request.query_params))

        router = door_router("/door", refuse)
        router.add_api_route("/route", route, methods=["GET"], response_model=None)
        close_router(router)
        app = FastAPI()
        app.include_router(router)
        app.state.doors = DoorOptions(MAXIMA, 1, frozenset({LISTED}), 1, 1)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door.example:8400") as client:
            return await client.get(path, headers=headers)

    return get


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OverloadedError(), 429, "overloaded"),
        (asyncpg.CannotConnectNowError("starting up"), 503, "unavailable"),
        (asyncpg.SerializationError("not now"), 503, "unavailable"),
        (ConnectionResetError(), 503, "unavailable"),
        (asyncpg.CharacterNotInRepertoireError("NUL"), 422, "invalid_request"),
    ],
)
async def test_errors_have_the_peers_shape_wherever_they_come_from(ask, error, status, code):
    answer = await ask(error)
    assert (answer.status_code, orjson.loads(answer.content)) == (status, {"peer": code})
    assert answer.headers.get("Retry-After") == ("1" if status in {429, 503} else None)


async def test_what_is_not_there_has_it_too(ask):
    answer = await ask(path="/door/nothing")
    assert (answer.status_code, answer.json()) == (404, {"peer": "not_found"})


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (LISTED, 200),
        ("http://door.example:8400", 200),
        ("https://evil.example", 403),
        ("http://door.example:8401", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_pages_of_other_origins_are_refused(ask, origin, status):
    answer = await ask(Origin=origin)
    assert answer.status_code == status
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if origin == LISTED else None)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"authorization": ""}, None),
        ({"authorization": "cl_a_b"}, "cl_a_b"),
        ({"authorization": "Bearer cl_a_b"}, "cl_a_b"),
        ({"authorization": "bearer  cl_a_b "}, "cl_a_b"),
        ({"x-auth-token": "cl_a_b", "authorization": "other"}, "cl_a_b"),
    ],
)
def test_a_key_is_found_where_clients_put_it(headers, key):
    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    assert header_key(Request(scope), "X-Auth-Token", "Authorization") == key


def test_a_strong_key_does_not_belong_into_a_path():
    check_path_key(Caller("t", frozenset({"submit"})))
    check_path_key(Caller("t", frozenset({"submit", "read"})))
    for scopes in ({"submit", "operate"}, {"admin"}):
        with pytest.raises(ForbiddenError):
            check_path_key(Caller("t", frozenset(scopes)))
