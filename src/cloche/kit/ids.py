"""UUIDv7: ids that sort by the time they were made."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID


def uuid7() -> UUID:
    """A new time-ordered id: 48 bits of Unix milliseconds, 74 random bits.

    Source: RFC 9562 section 5.7.
    """
    return _uuid7_at(time.time_ns() // 1_000_000)


def uuid7_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond, for range queries by time."""
    millis = int(moment.timestamp() * 1000)
    return UUID(int=(millis & (1 << 48) - 1) << 80 | 7 << 76 | 2 << 62)


def uuid7_time(value: UUID) -> datetime:
    """When a UUIDv7 was made, in UTC, to the millisecond."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, tz=UTC)


def _uuid7_at(millis: int) -> UUID:
    random = int.from_bytes(os.urandom(10), "big")
    rand_a = random >> 68 & 0xFFF
    rand_b = random & (1 << 62) - 1
    return UUID(int=(millis & (1 << 48) - 1) << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b)
