"""The ledgers as a consumer group: take, acknowledge, trim; one owner a shard."""

from typing import Any, Final

from cloche.kit.bus import SHARDS, Bus, ResponseError, ledger_key
from cloche.storage.fold import LedgerEntry

GROUP: Final = "storage"
#: An owner that is silent for this long has lost its shards.
OWNER_TTL_MS: Final = 10_000


class Ledger:
    """Reads the shards this process owns. ``name`` is its own and stays the same over a restart."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._redis = bus.redis
        self._name = name
        self._keys = {shard: ledger_key(shard) for shard in range(SHARDS)}

    async def own(self) -> set[int]:
        """Take or keep every shard that nobody else owns; returns the owned ones."""
        owned: set[int] = set()
        for shard in self._keys:
            key = f"cloche:{{s{shard}}}:owner"
            owner: bytes | None = await self._redis.get(key)
            if owner is not None and owner.decode() == self._name:
                # Not SET: a full Redis refuses that, and only this worker can make room.
                kept = await self._redis.pexpire(key, OWNER_TTL_MS)
            else:
                kept = await self._redis.set(key, self._name, nx=True, px=OWNER_TTL_MS)
            if kept:
                owned.add(shard)
        return owned

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

    async def acknowledge(self, shard: int, entries: list[LedgerEntry]) -> None:
        """These are applied and committed: forget them, then trim what nobody needs."""
        key = self._keys[shard]
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xack(key, GROUP, *(entry.ledger_id for entry in entries))
            pipe.xpending(key, GROUP)
            pending: Any = (await pipe.execute())[1]
        oldest = pending["min"] if pending["pending"] else _after(max(entries, key=_order).ledger_id)
        await self._redis.xtrim(key, minid=oldest, approximate=True)

    async def length(self) -> int:
        """How many entries wait in all ledgers."""
        return sum([await self._redis.xlen(key) for key in self._keys.values()])


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> LedgerEntry:
    return LedgerEntry(
        entry_id.decode(),
        fields[b"x"].decode(),
        int(fields[b"a"]),
        int(fields[b"s"]),
        fields[b"t"].decode(),
        fields[b"b"],
    )


def _order(entry: LedgerEntry) -> tuple[int, int]:
    millis, _, count = entry.ledger_id.partition("-")
    return int(millis), int(count)


def _after(ledger_id: str) -> str:
    millis, _, count = ledger_id.partition("-")
    return f"{millis}-{int(count) + 1}"
