"""Mending the bus: let go of what is stored, apply what nobody applies."""

from collections.abc import Sequence
from typing import Final

from cloche.kit.bus import source_key, stream_key
from cloche.stack.fsck.look import Stores
from cloche.storage.fold import fold
from cloche.storage.ledger import Ledger
from cloche.storage.record_store import RecordStore

_NAME: Final = "fsck"
_BATCH: Final = 400


async def mend_stream_kept(stores: Stores, subjects: Sequence[str]) -> None:
    """Let the keys go soon: somebody may still read them."""
    for subject in subjects:
        await stores.bus.expire(subject)


async def mend_stream_orphan(stores: Stores, subjects: Sequence[str]) -> None:
    """Remove the keys."""
    for subject in subjects:
        await stores.bus.redis.unlink(stream_key(subject), source_key(subject))


async def mend_ledger_stuck(stores: Stores, _shards: Sequence[str]) -> None:
    """Do what the storage worker would do with what nobody else owns; records wait for nothing any more."""
    ledger = Ledger(stores.bus, _NAME)
    store, epoch = RecordStore(stores.pool), await stores.bus.epoch()
    try:
        shards = await ledger.own()
        await ledger.prepare(shards)
        for shard in shards:
            while entries := (
                await ledger.unacknowledged(shard, _BATCH) or (await ledger.take({shard}, _BATCH)).get(shard)
            ):
                changes = fold(entries)
                if changes.poison:
                    await store.set_aside(changes.poison, shard)
                for verdict in await store.apply(changes, epoch, patient=False):
                    await stores.bus.expire(str(verdict.evaluation_id))
                await ledger.acknowledge({shard: entries})
    finally:
        await ledger.leave()
