"""What a log says of an exception: where it came from, never whose data it is about."""

import asyncpg
import pytest
from pydantic import TypeAdapter, ValidationError

from cloche.kit.errors import NotFoundError
from cloche.kit.log_failures import failure

SECRET = "what a program wrote"


def raised_by(act) -> BaseException:
    try:
        act()
    except Exception as error:  # noqa: BLE001  (whatever it is)
        return error
    raise AssertionError


def quote_as_lookup():
    raise KeyError(SECRET)


def quote_as_value():
    raise ValueError(SECRET)


def quote_as_bytes():
    SECRET.encode().replace(b"w", b"\xff").decode()


def quote_as_pydantic():
    TypeAdapter(int).validate_python(SECRET)


def quote_as_postgres():
    raise asyncpg.DataError(SECRET)


def quote_as_cause():
    try:
        quote_as_pydantic()
    except ValidationError as error:
        raise NotFoundError from error


def quote_as_context():
    try:
        quote_as_value()
    except ValueError:
        None.missing  # type: ignore[attr-defined]  # noqa: B018  (a defect)


QUOTES = [
    quote_as_lookup,
    quote_as_value,
    quote_as_bytes,
    quote_as_pydantic,
    quote_as_postgres,
    quote_as_cause,
    quote_as_context,
]


@pytest.mark.parametrize("act", QUOTES)
def test_message_that_quotes_a_value_is_left_out(act):
    told = failure(raised_by(act))
    assert SECRET not in told
    assert SECRET[:12] not in told
    assert "Traceback (most recent call last)" in told
    assert act.__name__ in told


def test_causes_are_told_before_what_they_led_to():
    told = failure(raised_by(quote_as_cause))
    assert told.index("ValidationError") < told.index("cloche.kit.errors.NotFoundError: There is no such thing here.")


def test_names_of_the_code_are_told():
    assert "'NoneType' object has no attribute 'missing'" in failure(raised_by(quote_as_context))


def test_chain_without_end_is_told_in_part():
    error: BaseException = RuntimeError("first")
    for _ in range(50):
        following = RuntimeError("next")
        following.__cause__ = error
        error = following
    assert failure(error).count("Traceback") == 8
