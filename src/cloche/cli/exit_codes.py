"""What ``cloche run`` says with its exit status. Numbers are promises; docs/reference/exit-codes.md lists them."""

from typing import Final

from cloche.client.wire import ForeignAnswerError
from cloche.contracts.words import Verdict
from cloche.kit.errors import (
    ClocheError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
REFUSED: Final = 4
NOT_FOUND: Final = 5

VERDICT_CODES: Final[dict[Verdict, int]] = {
    "accepted": OK,
    "wrong_answer": 10,
    "runtime_error": 11,
    "compile_error": 12,
    "time_limit_exceeded": 13,
    "memory_limit_exceeded": 14,
    "output_limit_exceeded": 15,
    "cancelled": 16,
    "internal_error": 17,
}

#: Each other status and what it means, for the help text.
OTHER_CODES: Final[dict[int, str]] = {
    FAILED: "anything else went wrong",
    USAGE: "wrong usage, or Cloche refused the submission",
    UNREACHABLE: "Cloche can't be reached or is overloaded",
    REFUSED: "the API key is missing or may not do this",
    NOT_FOUND: "there is no such evaluation",
    129: "hung up; the evaluation is cancelled",
    130: "interrupted by Ctrl+C; the evaluation is cancelled",
    141: "the reader of the output went away; the evaluation is cancelled",
    143: "terminated; the evaluation is cancelled",
}

_ERROR_CODES: Final[tuple[tuple[type[ClocheError], int], ...]] = (
    (ForeignAnswerError, UNREACHABLE),
    (UnavailableError, UNREACHABLE),
    (OverloadedError, UNREACHABLE),
    (InvalidRequestError, USAGE),
    (TooLargeError, USAGE),
    (UnauthenticatedError, REFUSED),
    (ForbiddenError, REFUSED),
    (NotFoundError, NOT_FOUND),
)


def code_of_verdict(verdict: Verdict | None) -> int:
    """The status for a finished evaluation."""
    return FAILED if verdict is None else VERDICT_CODES[verdict]


def code_of_error(error: ClocheError) -> int:
    """The status when Cloche could not do it."""
    return next((code for cls, code in _ERROR_CODES if isinstance(error, cls)), FAILED)


def code_of_signal(number: int) -> int:
    """The status after a signal, as shells count it."""
    return 128 + number


def described() -> str:
    """All statuses, one a line, for ``cloche run --help``."""
    verdicts = {code: verdict.replace("_", " ") for verdict, code in VERDICT_CODES.items()}
    rows = sorted({**OTHER_CODES, **verdicts}.items())
    return "\n".join(f"{code:>3}  {meaning}" for code, meaning in rows)
