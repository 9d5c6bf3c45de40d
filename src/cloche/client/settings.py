"""Where Cloche is and which key to show, from the environment of whoever asks for that."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from cloche.kit.errors import InvalidRequestError

DEFAULT_URL: Final = "http://127.0.0.1:8400"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``base_url`` has scheme and host, and a path only behind a proxy; the key is sent as a bearer token.

    Raises:
        InvalidRequestError: the URL is not one of HTTP.
    """

    base_url: str = DEFAULT_URL
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base_url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise InvalidRequestError(f"{self.base_url!r} is not a URL such as {DEFAULT_URL}.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """``CLOCHE_URL`` and ``CLOCHE_API_KEY``; an empty variable counts as not there."""
        environ = os.environ if environ is None else environ
        return cls(environ.get("CLOCHE_URL") or DEFAULT_URL, environ.get("CLOCHE_API_KEY") or None)

    @property
    def headers(self) -> dict[str, str]:
        """Sent with every request."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return {"User-Agent": "cloche-python", **key}

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: such requests go past any proxy that the environment names."""
        return urlsplit(self.base_url).hostname in _LOOPBACK
