"""Service tokens: a caller's name and a secret, compared in constant time."""

import hmac
from collections.abc import Callable, Mapping

from fastapi import Request

from cloche.kit.errors import ForbiddenError, UnauthenticatedError


def require_caller(tokens: Mapping[str, str], *allowed: str) -> Callable[[Request], str]:
    """A FastAPI dependency that yields the caller's name when its token is one of ``allowed``.

    ``tokens`` maps a caller's name (``api``, ``worker``, ``storage``) to its secret.

    Raises (when called):
        UnauthenticatedError: no token, or one that nobody has.
        ForbiddenError: a valid token of a caller that may not do this.
    """

    def check(request: Request) -> str:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise UnauthenticatedError("A service token is needed.")
        caller: str | None = None
        for name, secret in tokens.items():
            if hmac.compare_digest(given.encode(), secret.encode()):
                caller = name
        if caller is None:
            raise UnauthenticatedError("Nobody has this service token.")
        if caller not in allowed:
            raise ForbiddenError(f"{caller} may not do this.")
        return caller

    return check
