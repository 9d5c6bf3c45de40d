"""One question to a service behind a unix socket, without an event loop."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any, Final

_TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 4 << 20


class UnanswerableError(Exception):
    """The service did not answer, or not with JSON; the message says why in a few words."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(str(self._path))


def ask(path: Path, what: str, *, token: str = "") -> Any:
    """The JSON that ``GET what`` answers. Blocks, for seconds at most.

    Raises:
        UnanswerableError: there is no such answer.
    """
    connection = _UnixConnection(path)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", what, headers=headers)
        response = connection.getresponse()
        answer = json.loads(response.read(_MAX_ANSWER_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnanswerableError(getattr(error, "strerror", None) or type(error).__name__) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise UnanswerableError(f"status {response.status}")
    return answer
