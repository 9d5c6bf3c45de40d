"""Answers that carry stored JSON: programs and records go out as they came in, unread."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.kit.clock import iso
from cloche.kit.postgres import Row

#: What carries stored JSON ends with the program or record that brings it to so many bytes: many may be large, and
#: each is held several times while it is passed on. What is left comes the next time.
ENOUGH_BYTES: Final = 8 * 1024 * 1024


def lease_answer(rows: Sequence[Row], places: Mapping[UUID, str | None]) -> bytes:
    """``LeaseAnswer`` of rows of ``lease.sql``; ``places`` are where in their traces they were leased, if known."""
    return orjson.dumps(
        {
            "tasks": [
                {
                    "evaluation_id": row["evaluation_id"],
                    "lease_id": row["lease_id"],
                    "attempt": row["attempt"],
                    "tenant": row["tenant"],
                    "queued_at": row["queued_at"],
                    "leased_at": row["leased_at"],
                    "trace_parent": places.get(row["evaluation_id"], row["trace_parent"]),
                    "program": orjson.Fragment(row["program"]),
                }
                for row in rows
            ]
        },
        default=_plain,
        option=orjson.OPT_PASSTHROUGH_DATETIME,
    )


def results_page(rows: Sequence[Row], after: str) -> bytes:
    """``ResultsPage`` of rows of ``results.sql``."""
    results = [
        {
            "evaluation_id": row["evaluation_id"],
            "tenant": row["tenant"],
            "age_s": row["age_s"],
            "record": orjson.Fragment(row["record"]),
        }
        for row in rows
    ]
    return orjson.dumps({"results": results, "next": after}, default=_plain)


def completed_body(tenant: str, record: bytes) -> bytes:
    """``Completed``, the body of ``evaluation.completed``."""
    return orjson.dumps({"tenant": tenant, "record": orjson.Fragment(record)})


def _plain(value: Any) -> str:
    """Asyncpg's UUID is a subclass, which orjson leaves to us; times are written in our one form."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError
