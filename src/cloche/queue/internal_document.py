"""The OpenAPI document of the internal face: what each route takes and answers, and whose token it wants."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cloche.contracts import tasks
from cloche.kit.http_app import PROBLEM_RESPONSES

_REF: Final = "#/components/schemas/{model}"
_BODY: Final = "x-body"

_ABOUT: Final = """What services call, each with its own token in `Authorization: Bearer …`, on a listener that people
never reach. It is not served: this file is made from the routes.

| call | {callers} |
|---|{lines}|
{rows}
"""


def told(caller: str, answer: type[BaseModel] | None, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """Arguments of a route's decorator that say who may call it, what it reads and what it answers.

    ``body`` is one of ``cloche.contracts.tasks``.
    Routes read their bodies and check their callers themselves, so FastAPI can't tell by looking at them.
    """
    success: dict[int | str, dict[str, Any]] = (
        {204: {"description": "Done."}} if answer is None else {200: {"model": answer, "description": "Done."}}
    )
    return {
        "status_code": 204 if answer is None else 200,
        "responses": {**success, **PROBLEM_RESPONSES},
        "openapi_extra": {"security": [{caller: []}], **({_BODY: body.__name__} if body else {})},
    }


def internal_document(router: APIRouter) -> dict[str, Any]:
    """The document of the internal router."""
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    names = sorted({body for route in routes if (body := (route.openapi_extra or {}).get(_BODY))})
    bodies: list[type[BaseModel]] = [getattr(tasks, name) for name in names]
    callers = sorted({caller_of(route) for route in routes})
    document = get_openapi(
        title="Cloche Queue, internal", version="1", description=_about(routes, callers), routes=routes
    )
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template=_REF)
    document["components"]["schemas"] = schemas["$defs"] | document["components"]["schemas"]
    document["components"]["securitySchemes"] = {
        caller: {"type": "http", "scheme": "bearer", "description": f"The service token of {caller}."}
        for caller in callers
    }
    for path in document["paths"].values():
        for operation in path.values():
            if body := operation.pop(_BODY, None):
                schema = {"$ref": _REF.format(model=body)}
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return document


def caller_of(route: APIRoute) -> str:
    """Whose token it wants."""
    (caller,) = (route.openapi_extra or {})["security"][0]
    return caller


def _about(routes: Iterable[APIRoute], callers: list[str]) -> str:
    rows = [
        f"| {'/'.join(sorted(route.methods or ()))} {route.path} | "
        + " | ".join("yes" if caller == caller_of(route) else "" for caller in callers)
        + " |"
        for route in routes
    ]
    return _ABOUT.format(callers=" | ".join(callers), lines="|".join("---" for _ in callers), rows="\n".join(rows))
