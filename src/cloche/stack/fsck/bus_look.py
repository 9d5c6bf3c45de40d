"""One look at Redis: streams that should be gone, and events that nobody takes."""

import time
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from cloche.kit.bus import FINISHED_TTL_S, SHARDS, Bus, ResponseError, ledger_key
from cloche.kit.postgres import Connection, load_sql
from cloche.stack.fsck.disagreement import Disagreement
from cloche.storage.ledger import GROUP

_FINISHED: Final = load_sql("cloche.stack.fsck", "finished_among")
_KEYS: Final = "cloche:{s*}:x:*"
_PAGE: Final = 500
#: Events that are older than this and not applied are stuck.
STUCK_S: Final = 60.0


async def look_at_bus(bus: Bus, record: Connection) -> AsyncIterator[Disagreement]:
    """What disagrees with ``record``. Scans keys page by page."""
    page: dict[bytes, str] = {}
    async for key in bus.redis.scan_iter(match=_KEYS, count=_PAGE):
        page[key] = subject_of(key)
        if len(page) >= _PAGE:
            async for finding in _look_at_streams(bus, record, page):
                yield finding
            page = {}
    async for finding in _look_at_streams(bus, record, page):
        yield finding
    for shard in range(SHARDS):
        age_s = await _oldest_s(bus, shard)
        if age_s > STUCK_S:
            yield Disagreement("ledger_stuck", f"ledger {shard}", f"for {age_s:.0f} s")


def subject_of(key: bytes) -> str:
    """The subject in the name of one of its keys."""
    return key.decode(errors="replace").split(":x:", 1)[1].rpartition(":")[0]


async def _look_at_streams(bus: Bus, record: Connection, page: dict[bytes, str]) -> AsyncIterator[Disagreement]:
    ids = {subject: _as_id(subject) for subject in page.values()}
    known = [id_ for id_ in ids.values() if id_ is not None]
    finished: dict[UUID, bool] = {row["id"]: row["finished"] for row in await record.fetch(_FINISHED, known)}
    for key, subject in page.items():
        id_ = ids[subject]
        if id_ is None or id_ not in finished:
            yield Disagreement("stream_orphan", subject, key.decode(errors="replace"))
        elif finished[id_]:
            left_s: int = await bus.redis.ttl(key)
            if left_s == -1 or left_s > FINISHED_TTL_S:
                yield Disagreement("stream_kept", subject, "for ever" if left_s == -1 else f"for {left_s} s")


def _as_id(subject: str) -> UUID | None:
    try:
        return UUID(subject)
    except ValueError:
        return None


async def _oldest_s(bus: Bus, shard: int) -> float:
    """How old the oldest event is that is not applied; 0 when there is none."""
    key = ledger_key(shard)
    ages = [0.0]
    try:
        groups: list[Any] = await bus.redis.xinfo_groups(key)
    except ResponseError:
        return 0.0  # there is no ledger
    delivered = next((group["last-delivered-id"] for group in groups if group["name"] == GROUP.encode()), b"0-0")
    ages += [_age_s(entry_id) for entry_id, _ in await bus.redis.xrange(key, min=b"(" + delivered, count=1)]
    if groups:
        pending = await bus.redis.xpending(key, GROUP)
        ages += [_age_s(pending["min"])] if pending["pending"] else []
    return max(ages)


def _age_s(entry_id: bytes) -> float:
    return time.time() - int(entry_id.partition(b"-")[0]) / 1000
