"""Opaque cursors: a place in an order, as text that a caller hands back unread."""

import base64
import binascii
from datetime import datetime
from typing import Final
from uuid import UUID

from cloche.kit.clock import iso, parse
from cloche.kit.errors import InvalidRequestError

_NIL: Final = UUID(int=0)
_LARGEST_TX: Final = 2**63 - 1


def write_commit_cursor(tx: int, evaluation_id: UUID) -> str:
    """A place in the order of commits."""
    return _pack(f"c1 {tx} {evaluation_id}")


def read_commit_cursor(text: str) -> tuple[int, UUID]:
    """The transaction and the id; an empty text is the beginning.

    Raises:
        InvalidRequestError: it is no cursor of this order.
    """
    if not text:
        return 0, _NIL
    try:
        version, tx, evaluation_id = _unpack(text).split(" ")
        place = int(tx), UUID(evaluation_id)
    except ValueError:
        raise InvalidRequestError("'after' is not a cursor of this list.") from None
    if version != "c1" or not 0 <= place[0] <= _LARGEST_TX:
        raise InvalidRequestError("'after' is not a cursor of this list.")
    return place


def write_time_cursor(moment: datetime, evaluation_id: UUID) -> str:
    """A place in the order of time."""
    return _pack(f"t1 {iso(moment)} {evaluation_id}")


def read_time_cursor(text: str) -> tuple[datetime, UUID]:
    """The time and the id.

    Raises:
        InvalidRequestError: it is no cursor of this order.
    """
    try:
        version, moment, evaluation_id = _unpack(text).split(" ")
        place = parse(moment), UUID(evaluation_id)
    except (ValueError, OverflowError):
        raise InvalidRequestError("'after' is not a cursor of this list.") from None
    if version != "t1":
        raise InvalidRequestError("'after' is not a cursor of this list.")
    return place


def _pack(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _unpack(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return raw.decode("ascii")
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not base64url") from error
