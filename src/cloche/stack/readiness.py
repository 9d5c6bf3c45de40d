"""Asks a service over its own listener whether it can serve."""

from pydantic import BaseModel

from cloche.kit.http_client import ServiceClient

_TIMEOUT_S = 4.0


class _Answer(BaseModel):
    status: str


async def check_ready(address: str) -> None:
    """Return when ``GET /readyz`` at ``address`` (``unix:/path`` or ``http://…``) says so.

    Raises:
        ClocheError: it does not answer, or says that something it needs is away.
    """
    async with ServiceClient(address, "", timeout_s=_TIMEOUT_S, connections=1) as client:
        await client.get("/readyz", _Answer)
