"""The Judge0 door: ``/compat/judge0`` is CE, ``/compat/judge0-extra`` Extra CE. Submissions."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from cloche.api.compat.doorway import built, caller_with, close_router, door_router, header_key, is_form, options_of
from cloche.api.compat.ending import Ran
from cloche.api.compat.judge0_answer import NotTextError, answer, chosen_fields
from cloche.api.compat.judge0_batches import accepted_batch
from cloche.api.compat.judge0_config import MAX_BATCH, Most
from cloche.api.compat.judge0_errors import refuse
from cloche.api.compat.judge0_info_routes import Judge0Info
from cloche.api.compat.judge0_languages import CE, EXTRA_CE, Flavour, versions_of
from cloche.api.compat.judge0_request import as_request
from cloche.api.compat.running import load, run, submit
from cloche.api.parts import get_parts
from cloche.contracts.execution import RuntimeOffer
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.words import Scope
from cloche.kit.errors import ForbiddenError, MalformedRequestError, NotFoundError
from cloche.kit.keys import Caller

_NOT_TEXT = "some attributes for {} cannot be converted to UTF-8, use base64_encoded=true query parameter"


class _Asked:
    """What a request's query says of its answer."""

    def __init__(self, request: Request) -> None:
        query = request.query_params
        self.encoded = query.get("base64_encoded") == "true"
        self.wait = query.get("wait") == "true"
        self.fields, unknown = chosen_fields(query.get("fields"))
        self.refusal = JSONResponse({"error": f"invalid fields: [{', '.join(unknown)}]"}, 400) if unknown else None


class Judge0Submissions:
    """The routes of one flavour."""

    def __init__(self, flavour: Flavour) -> None:
        self._flavour = flavour

    def add_to(self, router: APIRouter) -> None:
        """Add the routes."""
        for path in ("/submissions", "/submissions/"):
            router.add_api_route(path, self.create, methods=["POST"], response_model=None)
            router.add_api_route(path, self.refuse_list, methods=["GET"], response_model=None)
        router.add_api_route("/submissions/batch", self.create_batch, methods=["POST"], response_model=None)
        router.add_api_route("/submissions/batch", self.read_batch, methods=["GET"], response_model=None)
        router.add_api_route("/submissions/{token}", self.read, methods=["GET"], response_model=None)
        router.add_api_route("/submissions/{token}", self.refuse_delete, methods=["DELETE"], response_model=None)

    async def create(self, request: Request) -> Response:
        """Accept one; with ``wait=true`` its result too, both with 201."""
        caller = await _caller(request, "submit")
        asked = _Asked(request)
        if asked.refusal is not None:
            return asked.refusal
        given = await _body(request, caller)
        offered = await _offered(request)
        body = built(lambda: self._as_request(given, offered, request, asked))
        if not asked.wait:
            return JSONResponse({"token": str(await submit(request, caller, body))}, 201)
        ran = await run(request, caller, body)
        try:
            return JSONResponse(answer(ran, asked.fields, encoded=asked.encoded), 201)
        except NotTextError:
            return JSONResponse({"error": _NOT_TEXT.format("this submission"), "token": str(ran.evaluation.id)}, 201)

    async def create_batch(self, request: Request) -> Response:
        """Accept up to twenty, each by itself."""
        caller = await _caller(request, "submit")
        asked = _Asked(request)
        items = (await _body(request, caller)).get("submissions")
        refusal = _size_refusal(len(cast("list[Any]", items)) if isinstance(items, list) else 0)
        if refusal is not None:
            return refusal
        offered = await _offered(request)
        answers = await accepted_batch(
            request,
            caller,
            cast("list[Any]", items),
            lambda item: self._as_request(item, offered, request, asked),
        )
        return JSONResponse(answers, 201 if any("token" in found for found in answers) else 422)

    async def read(self, request: Request) -> Response:
        """One submission as it stands."""
        caller = await _caller(request, "read")
        asked = _Asked(request)
        if asked.refusal is not None:
            return asked.refusal
        ran = await _load(request, caller, request.path_params["token"])
        try:
            return JSONResponse(answer(ran, asked.fields, encoded=asked.encoded))
        except NotTextError:
            return JSONResponse({"error": _NOT_TEXT.format("this submission")}, 400)

    async def read_batch(self, request: Request) -> Response:
        """Up to twenty, null for each that is not there."""
        caller = await _caller(request, "read")
        asked = _Asked(request)
        if asked.refusal is not None:
            return asked.refusal
        text = request.headers.get("tokens") or request.query_params.get("tokens", "")
        tokens = [token for token in text.strip().split(",") if token]
        refusal = _size_refusal(len(tokens))
        if refusal is not None:
            return refusal
        found: list[dict[str, Any] | None] = []
        for token in tokens:
            try:
                found.append(answer(await _load(request, caller, token), asked.fields, encoded=asked.encoded))
            except NotFoundError:
                found.append(None)
            except NotTextError:
                return JSONResponse({"error": _NOT_TEXT.format("one or more submissions")}, 400)
        return JSONResponse({"submissions": found})

    async def refuse_list(self, request: Request) -> Response:
        """Lists are for the page and ``GET /api/v1/evaluations``; here as where nobody is authorised."""
        await _caller(request, "read")
        raise ForbiddenError

    async def refuse_delete(self, request: Request) -> Response:
        """As where deleting is switched off, which it is by default."""
        await _caller(request, "submit")
        return JSONResponse({"error": "delete not allowed"}, 400)

    def _as_request(
        self, given: Any, offered: Mapping[str, RuntimeOffer], request: Request, asked: _Asked
    ) -> EvaluationRequest:
        fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        return as_request(fields, self._flavour, offered, Most.of(options_of(request)), encoded=asked.encoded)


async def _load(request: Request, caller: Caller, token: str) -> Ran:
    try:
        evaluation_id = UUID(token)
    except ValueError:
        raise NotFoundError from None
    return await load(get_parts(request), evaluation_id, caller.tenant)


async def _body(request: Request, caller: Caller) -> dict[str, Any]:
    """The fields of a JSON or form body.

    Raises:
        MalformedRequestError: it is neither an object nor a form.
        UnsupportedTypeError: it is declared as something else.
    """
    raw = await request.body()
    try:
        if is_form(request, caller):
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=100))
        found = orjson.loads(raw)
    except ValueError:
        raise MalformedRequestError("The body can't be read.") from None
    if not isinstance(found, dict):
        raise MalformedRequestError("The body is no object.")
    return cast("dict[str, Any]", found)


async def _offered(request: Request) -> dict[str, RuntimeOffer]:
    answer = await get_parts(request).catalogue.executors()
    return versions_of(runtime for seen in answer.executors for runtime in seen.offer.runtimes)


async def _caller(request: Request, *scopes: Scope) -> Caller:
    return await caller_with(request, header_key(request, "X-Auth-Token", "Authorization"), *scopes)


def _size_refusal(count: int) -> Response | None:
    if count == 0:
        return JSONResponse({"error": "there should be at least one submission in a batch"}, 400)
    if count > MAX_BATCH:
        message = f"number of submissions in a batch should be less than or equal to {MAX_BATCH}"
        return JSONResponse({"error": message}, 400)
    return None


def _router(prefix: str, flavour: Flavour) -> APIRouter:
    router = door_router(prefix, refuse)
    Judge0Submissions(flavour).add_to(router)
    Judge0Info(flavour, _caller).add_to(router)
    close_router(router)
    return router


routers = (_router("/compat/judge0-extra", EXTRA_CE), _router("/compat/judge0", CE))
