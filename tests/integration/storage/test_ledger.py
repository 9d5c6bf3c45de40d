"""The ledgers as the storage workers share them, and what may lie in one."""

import time
from collections.abc import AsyncIterator

import pytest

from cloche.kit.bus import SHARDS, Bus
from cloche.storage.ledger import MEMBERS_KEY, Ledger

ALL = set(range(SHARDS))


@pytest.fixture
async def bus(redis_urls: dict[str, str]) -> AsyncIterator[Bus]:
    connected = Bus.connect(redis_urls["storage"])
    yield connected
    await connected.close()


async def test_shares_do_not_follow_the_clocks_of_hosts(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    ahead, right = Ledger(bus, "ahead"), Ledger(bus, "right")
    here = time.time

    async def own(ledger: Ledger) -> set[int]:
        with monkeypatch.context() as host:
            host.setattr(time, "time", lambda: here() + (3600 if ledger is ahead else 0))
            return await ledger.own()

    await own(ahead)
    await own(right)
    shares = [await own(ahead), await own(right)]
    assert [len(share) for share in shares] == [SHARDS // 2, SHARDS // 2]
    await bus.redis.delete(*(f"cloche:{{s{shard}}}:owner" for shard in shares[0]))  # as after ten seconds of silence
    await bus.redis.zadd(MEMBERS_KEY, {"ahead": (await bus.redis.time())[0] - 11})
    assert await own(right) == ALL


async def test_member_of_a_time_that_is_not_yet_has_no_share(bus: Bus):
    await bus.redis.zadd(MEMBERS_KEY, {"gone": time.time() + 3600})
    assert await Ledger(bus, "here").own() == ALL
