"""Errors on the wire: RFC 9457 ``application/problem+json``, the same shape from every service."""

from pydantic import BaseModel


class FieldProblem(BaseModel):
    """One field that is wrong: its path in the body, why, and the limit it passed if there is one."""

    field: str
    message: str
    limit: float | None = None


class Problem(BaseModel):
    """``code`` is stable and made for programs; ``detail`` is for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    retryable: bool = False
    errors: list[FieldProblem] | None = None
