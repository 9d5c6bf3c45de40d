from pathlib import Path
from typing import get_args

from cloche.cli.exit_codes import OTHER_CODES, VERDICT_CODES, code_of_error, code_of_signal, code_of_verdict, described
from cloche.client.wire import ForeignAnswerError
from cloche.contracts.words import Verdict
from cloche.kit.errors import (
    ConflictError,
    ForbiddenError,
    MalformedRequestError,
    NotFoundError,
    OverloadedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md"


def test_each_verdict_has_its_own_status_and_none_means_something_else():
    assert set(VERDICT_CODES) == set(get_args(Verdict))
    codes = [*VERDICT_CODES.values(), *OTHER_CODES]
    assert len(codes) == len(set(codes))
    assert code_of_verdict("accepted") == 0
    assert all(0 < code < 126 or code in {129, 130, 141, 143} for code in codes if code)


def test_the_platforms_errors_never_look_like_a_verdict():
    for error in (ConflictError(), NotFoundError(), UnavailableError(), TooLargeError(), ForeignAnswerError()):
        assert code_of_error(error) not in VERDICT_CODES.values()


def test_errors_tell_apart_what_a_script_must_do():
    assert code_of_error(MalformedRequestError()) == code_of_error(TooLargeError()) == 2
    assert code_of_error(UnavailableError()) == code_of_error(OverloadedError()) == 3
    assert code_of_error(UnauthenticatedError()) == code_of_error(ForbiddenError()) == 4
    assert code_of_error(NotFoundError()) == 5
    assert code_of_error(ConflictError()) == 1
    assert code_of_signal(2) == 130


def test_the_reference_page_lists_what_the_help_text_lists():
    text = PAGE.read_text(encoding="utf-8")
    for line in described().splitlines():
        code, meaning = line.split(maxsplit=1)
        assert f"| {code} | {meaning} |" in text
