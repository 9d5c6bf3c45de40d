"""PostgreSQL's errors as answers: away is 503, text it can't hold is 422."""

from typing import Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  (only its error classes are used)
from fastapi import FastAPI, Request, Response

from cloche.kit.errors import ClocheError, InvalidRequestError, UnavailableError
from cloche.kit.http_app import problem_response
from cloche.kit.logs import get_logger
from cloche.kit.postgres import UNAVAILABLE

log = get_logger()

#: "Not now": away, or this transaction had to give way to another.
_NOT_NOW: Final[tuple[type[Exception], ...]] = (*UNAVAILABLE, asyncpg.TransactionRollbackError)
#: All that ``told`` tells.
DATABASE_ERRORS: Final = (*_NOT_NOW, asyncpg.DataError)


def told(error: Exception) -> ClocheError:
    """One of ``DATABASE_ERRORS`` as an expected error; those that may pass are logged."""
    # What asyncpg can't even encode is a ValueError, and an InterfaceError too.
    if isinstance(error, asyncpg.DataError | ValueError):
        return InvalidRequestError("A number is too large, or a text holds a NUL.")
    log.warning("postgres.unavailable", error=type(error).__name__)
    return UnavailableError("PostgreSQL does not answer.")


def install_database_errors(app: FastAPI) -> None:
    """Answer 503 with ``Retry-After`` while PostgreSQL is away, 422 for values it refuses."""

    async def answer(_: Request, error: Exception) -> Response:
        expected = told(error)
        return problem_response(expected.problem(), {"Retry-After": "1"} if expected.retryable else None)

    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, answer)
