"""Every expected error. A class's docstring is its default message.

ClocheError
├── InvalidRequestError        422  the request is well-formed and wrong
│   └── MalformedRequestError  400  the request can't be read
├── UnauthenticatedError       401
├── ForbiddenError             403
├── NotFoundError              404
├── ConflictError              409
│   ├── LeaseLostError         409
│   └── CancelledConflictError 409
├── TooLargeError              413
├── UnsupportedTypeError       415
├── OverloadedError            429  retryable
│   └── NoRoomError            429  retryable
└── UnavailableError           503  retryable
"""

from typing import ClassVar

from cloche.contracts.problem import FieldProblem, Problem


class ClocheError(Exception):
    """Something expected went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, errors: list[FieldProblem] | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.errors = errors
        super().__init__(self.detail)

    def problem(self) -> Problem:
        """This error as it goes over the wire."""
        title = (type(self).__doc__ or self.code).strip().splitlines()[0]
        return Problem(
            title=title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            retryable=self.retryable,
            errors=self.errors,
        )


class InvalidRequestError(ClocheError):
    """The request is not valid."""

    code = "invalid_request"
    status = 422


class MalformedRequestError(InvalidRequestError):
    """The request can't be read."""

    code = "malformed_request"
    status = 400


class UnauthenticatedError(ClocheError):
    """A valid API key is needed."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(ClocheError):
    """This caller may not do that."""

    code = "forbidden"
    status = 403


class NotFoundError(ClocheError):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class ConflictError(ClocheError):
    """The thing is in a state that does not allow this."""

    code = "conflict"
    status = 409


class LeaseLostError(ConflictError):
    """The lease is not this worker's any more."""

    code = "lease_lost"


class CancelledConflictError(ConflictError):
    """The task was cancelled before this arrived."""

    code = "cancelled"


class TooLargeError(ClocheError):
    """The body is larger than allowed."""

    code = "too_large"
    status = 413


class UnsupportedTypeError(ClocheError):
    """The content type must be application/json."""

    code = "unsupported_media_type"
    status = 415


class OverloadedError(ClocheError):
    """Too much at once; try again later."""

    code = "overloaded"
    status = 429
    retryable = True


class NoRoomError(OverloadedError):
    """As much as allowed exists already; try again once some of it is gone."""

    code = "no_room"


class UnavailableError(ClocheError):
    """A part that this needs does not answer; try again later."""

    code = "unavailable"
    status = 503
    retryable = True


def error_from_problem(problem: Problem) -> ClocheError:
    """The same class that the server raised, so that callers catch errors by type.

    Only the listed classes are known; anything else becomes a plain ``ClocheError``.
    """
    for cls in _all_errors(ClocheError):
        if cls.code == problem.code:
            return cls(problem.detail, errors=problem.errors)
    return ClocheError(f"{problem.status} {problem.code}: {problem.detail}", errors=problem.errors)


def _all_errors(cls: type[ClocheError]) -> list[type[ClocheError]]:
    found = [cls]
    for sub in cls.__subclasses__():
        found.extend(_all_errors(sub))
    return found
