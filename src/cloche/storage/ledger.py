"""The ledgers as a consumer group: take, acknowledge, trim; one owner a shard, and each owner its share of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cloche.kit.bus import SHARDS, Bus, ResponseError, flow_key, ledger_key, stream_key
from cloche.storage.fold import LedgerEntry

GROUP: Final = "storage"
#: An owner that is silent for this long has lost its shards.
OWNER_TTL_MS: Final = 10_000
#: Who said last when that it works, in seconds of Redis's clock, as a sorted set.
MEMBERS_KEY: Final = "cloche:storage:members"
#: So many of a subject's last events stay in its stream once they are stored; readers further back read the record.
KEPT_EVENTS: Final = 16


class Ledger:
    """Reads the shards this process owns. ``name`` is its own and stays the same over a restart."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._redis = bus.redis
        self._name = name
        self._keys = {shard: ledger_key(shard) for shard in range(SHARDS)}

    async def own(self) -> set[int]:
        """Keep or take shards that nobody else owns, up to this process's share of them; returns the owned ones."""
        owned: set[int] = set()
        share = math.ceil(SHARDS / await self._members())
        for shard in self._keys:
            key = f"cloche:{{s{shard}}}:owner"
            owner: bytes | None = await self._redis.get(key)
            if owner is not None and owner.decode() == self._name:
                if len(owned) == share:
                    await self._redis.delete(key)
                    continue
                # Not SET: a full Redis refuses that, and only this worker can make room.
                kept = await self._redis.pexpire(key, OWNER_TTL_MS)
            else:
                kept = len(owned) < share and await self._redis.set(key, self._name, nx=True, px=OWNER_TTL_MS)
            if kept:
                owned.add(shard)
        return owned

    async def leave(self) -> None:
        """Let others have the shards at once."""
        await self._redis.zrem(MEMBERS_KEY, self._name)
        for shard in self._keys:
            key = f"cloche:{{s{shard}}}:owner"
            if await self._redis.get(key) == self._name.encode():
                await self._redis.delete(key)

    async def _members(self) -> int:
        """How many storage workers there are, this one included, by the clock that all of them share."""
        seconds, _ = await self._redis.time()
        try:
            await self._redis.zadd(MEMBERS_KEY, {self._name: seconds})
        except ResponseError as error:
            if not str(error).startswith("OOM"):
                raise
        ttl_s = OWNER_TTL_MS // 1000
        await self._redis.zremrangebyscore(MEMBERS_KEY, "-inf", seconds - ttl_s)
        await self._redis.zremrangebyscore(MEMBERS_KEY, seconds + ttl_s, "+inf")  # the clock was set back since
        return max(1, await self._redis.zcard(MEMBERS_KEY))

    async def prepare(self, shards: set[int]) -> None:
        """Make sure the consumer groups exist."""
        for shard in shards:
            try:
                await self._redis.xgroup_create(self._keys[shard], GROUP, id="0", mkstream=True)
            except ResponseError as error:
                # A full Redis refuses before it looks whether the group is there; reading will tell.
                if not str(error).startswith(("BUSYGROUP", "OOM")):
                    raise

    async def unacknowledged(self, shard: int, count: int) -> list[LedgerEntry]:
        """What was delivered and never acknowledged, by whomever, now this process's."""
        answer = await self._redis.xautoclaim(self._keys[shard], GROUP, self._name, min_idle_time=0, count=count)
        return [_entry(entry_id, fields) for entry_id, fields in answer[1] if fields]

    async def take(self, shards: set[int], count: int, *, block_ms: int | None = None) -> dict[int, list[LedgerEntry]]:
        """New entries of these shards, at most ``count`` of each; waits up to ``block_ms`` for the first."""
        streams = {self._keys[shard]: ">" for shard in shards}
        answer: list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]] = await self._redis.xreadgroup(
            GROUP, self._name, streams, count=count, block=block_ms
        )
        shard_of = {key.encode(): shard for shard, key in self._keys.items()}
        return {shard_of[key]: [_entry(*row) for row in rows] for key, rows in answer or ()}

    async def acknowledge(self, found: Mapping[int, Sequence[LedgerEntry]]) -> None:
        """These are applied and committed, or set aside: forget them, tell producers, then trim what nobody needs."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard, entries in found.items():
                pipe.xack(self._keys[shard], GROUP, *(entry.ledger_id for entry in entries))
                pipe.xpending(self._keys[shard], GROUP)
            for shard, entries in found.items():
                if flow := max(entry.flow for entry in entries):
                    pipe.hset(flow_key(shard), "out", flow)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        pending = _checked(answers)[1 : 2 * len(found) : 2]
        async with self._redis.pipeline(transaction=False) as pipe:
            for (shard, entries), waiting in zip(found.items(), pending, strict=True):
                last = max(entries, key=_order).ledger_id
                oldest = waiting["min"] if waiting["pending"] else _after(last)
                pipe.xtrim(self._keys[shard], minid=oldest, approximate=True)
                for subject, (attempt, seq) in _stored(entries).items():
                    pipe.xtrim(stream_key(subject), minid=f"{attempt}-{seq - KEPT_EVENTS + 1}", approximate=True)
            await pipe.execute()

    async def backlog_bytes(self, shards: set[int]) -> dict[int, int]:
        """How much of each ledger is not applied yet, as its producers see it."""
        backlog: dict[int, int] = {}
        for shard in shards:
            came, gone = await self._redis.hmget(flow_key(shard), "in", "out")
            backlog[shard] = int(came or 0) - int(gone or 0)
        return backlog

    async def lag_s(self, shards: set[int]) -> dict[int, float]:
        """For how long each ledger's oldest event has waited to be applied, by Redis's clock; 0 where none waits."""
        seconds, micros = await self._redis.time()
        lag: dict[int, float] = {}
        for shard in shards:
            oldest = await self._oldest(shard)
            waited_ms = 0 if oldest is None else seconds * 1000 + micros // 1000 - int(oldest.partition(b"-")[0])
            lag[shard] = max(0, waited_ms) / 1000
        return lag

    async def _oldest(self, shard: int) -> bytes | None:
        """The id of the first entry that is not acknowledged, be it delivered or not."""
        waiting = await self._redis.xpending(self._keys[shard], GROUP)
        if waiting["pending"]:
            return waiting["min"]
        groups = await self._redis.xinfo_groups(self._keys[shard])
        delivered = next(group["last-delivered-id"] for group in groups if group["name"] == GROUP.encode())
        undelivered = await self._redis.xrange(self._keys[shard], min=b"(" + delivered, count=1)
        return undelivered[0][0] if undelivered else None

    async def settle_flow(self, shard: int) -> None:
        """Nothing is left to apply, though the flow may say otherwise: say so, or producers wait for ever."""
        waiting = await self._redis.xpending(self._keys[shard], GROUP)
        if not waiting["pending"]:
            came: bytes | None = await self._redis.hget(flow_key(shard), "in")
            await self._redis.hset(flow_key(shard), "out", came or 0)

    async def length(self) -> int:
        """How many entries wait in all ledgers."""
        return sum([await self._redis.xlen(key) for key in self._keys.values()])


def _checked(answers: list[Any]) -> list[Any]:
    """The answers; raises the first that is an error, but that a full Redis notes nothing down: a later batch will."""
    for answer in answers:
        if isinstance(answer, Exception) and not str(answer).startswith("OOM"):
            raise answer
    return answers


def _stored(entries: Sequence[LedgerEntry]) -> dict[str, tuple[int, int]]:
    """The last event of each subject that wrote output: such streams may be long."""
    return {
        entry.subject: (entry.attempt, entry.seq)
        for entry in entries
        if entry.type == "output" and entry.seq > KEPT_EVENTS
    }


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> LedgerEntry:
    """What is no event of ours is about nobody, so that ``fold`` sets it aside, and has for its body all that it is."""
    try:
        return LedgerEntry(
            entry_id.decode(),
            fields[b"x"].decode(),
            _integer(fields[b"a"]),
            _integer(fields[b"s"]),
            fields[b"t"].decode(),
            fields[b"b"],
            int(fields.get(b"n", 0)),
        )
    except (KeyError, ValueError):
        return LedgerEntry(entry_id.decode(), "", 0, 0, "", repr(fields).encode())


def _integer(text: bytes) -> int:
    """As the record can hold it."""
    number = int(text)
    if not 0 <= number < 2**31:
        raise ValueError("out of range")
    return number


def _order(entry: LedgerEntry) -> tuple[int, int]:
    millis, _, count = entry.ledger_id.partition("-")
    return int(millis), int(count)


def _after(ledger_id: str) -> str:
    millis, _, count = ledger_id.partition("-")
    return f"{millis}-{int(count) + 1}"
