"""PostgreSQL's errors as answers: away is 503, text it can't hold is 422."""

from typing import Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (only its error classes are used)
from fastapi import FastAPI, Request, Response

from cloche.kit.errors import InvalidRequestError, UnavailableError
from cloche.kit.http_app import problem_response
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE

log = get_logger()

#: "Not now": away, or this transaction had to give way to another.
_NOT_NOW: Final[tuple[type[Exception], ...]] = (*UNAVAILABLE, asyncpg.TransactionRollbackError)


def install_database_errors(app: FastAPI) -> None:
    """Answer 503 with ``Retry-After`` while PostgreSQL is away, 422 for values it refuses."""

    async def not_now(request: Request, error: Exception) -> Response:
        if isinstance(error, ValueError):  # asyncpg could not even encode it: that is an InterfaceError too
            return await unfit(request, error)
        log.warning("postgres.unavailable", error=type(error).__name__)
        return problem_response(UnavailableError("PostgreSQL does not answer.").problem(), {"Retry-After": "1"})

    async def unfit(_: Request, _error: Exception) -> Response:
        return problem_response(InvalidRequestError("A number is too large, or a text holds a NUL.").problem())

    for kind in _NOT_NOW:
        app.add_exception_handler(kind, not_now)
    app.add_exception_handler(asyncpg.DataError, unfit)
