"""From a call to an HTTP request, and from its answer to a typed value or the server's error. No I/O."""

from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from cloche.client.calls import Call
from cloche.contracts.problem import Problem
from cloche.kit.errors import ClocheError, UnavailableError, error_from_problem

_CONNECT_S: Final = 10.0
Answer = TypeVar("Answer", bound=BaseModel)


class ForeignAnswerError(ClocheError):
    """What answered is not Cloche, or is a version that this client does not know."""

    code = "foreign_answer"
    status = 502


def http_request(http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    """``call`` with the client's address and headers. Calls wait their turn for a connection without limit."""
    timeout = httpx.Timeout(call.timeout_s, connect=_CONNECT_S, pool=None)
    return http.build_request(
        call.method, call.path, params=call.query, headers=call.headers, content=call.body, timeout=timeout
    )


def read_answer(response: httpx.Response, answer: type[Answer]) -> Answer:
    """The body as ``answer``.

    Raises:
        ForeignAnswerError: it is something else.
    """
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise ForeignAnswerError(f"What answers at {_origin(response.request)} is not Cloche.") from None


def read_error(response: httpx.Response) -> ClocheError:
    """The error of an answer that is no success, as the class that the server raised."""
    try:
        return error_from_problem(Problem.model_validate_json(response.content))
    except ValidationError:
        at = _origin(response.request)
        if response.status_code >= 500:
            return UnavailableError(f"{at} answers with status {response.status_code}; try again later.")
        return ForeignAnswerError(f"What answers at {at} is not Cloche: status {response.status_code}.")


def unreachable(error: httpx.RequestError, base_url: str) -> UnavailableError:
    """No answer came; says what to do."""
    if isinstance(error, httpx.ConnectError):
        return UnavailableError(f"Can't reach Cloche at {base_url}. Is it running? Start it with `cloche up`.")
    return UnavailableError(f"Cloche at {base_url} stopped answering ({type(error).__name__}); see `cloche status`.")


def _origin(request: httpx.Request) -> str:
    return str(request.url.copy_with(path="/", query=None)).rstrip("/")
