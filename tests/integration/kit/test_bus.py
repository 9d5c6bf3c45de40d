"""The event bus against a real server: atomic, fenced by attempt, repeats dropped, sealed at the end."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.exceptions import NoPermissionError

from cloche.kit.bus import SEALED_CHANNEL, Bus, NewEvent, ledger_key, shard_of, source_key, stream_key


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    bus = Bus.connect(redis_url)
    yield bus
    await bus.close()


async def seen(bus: Bus, subject: str) -> list[tuple[int, int, str]]:
    return [(e.attempt, e.seq, e.type) for e in await bus.read(subject, 0, 0)]


async def test_group_is_published_in_order_to_stream_and_ledger(bus: Bus):
    subject = str(uuid4())
    assert await bus.publish(subject, "w", 1, [NewEvent(1, "a", "x"), NewEvent(2, "b", "y")]) == 2
    assert await seen(bus, subject) == [(1, 1, "a"), (1, 2, "b")]
    ledger = await bus.redis.xrange(ledger_key(shard_of(subject)))
    assert [fields[b"t"] for _, fields in ledger] == [b"a", b"b"]


async def test_repeat_by_the_same_producer_is_dropped(bus: Bus):
    subject = str(uuid4())
    for _ in range(3):
        await bus.publish(subject, "w", 1, [NewEvent(1, "a", "")])
    await bus.publish(subject, "w", 1, [NewEvent(1, "a", ""), NewEvent(2, "b", "")])
    await bus.publish(subject, "other", 1, [NewEvent(1, "c", "")])
    assert await seen(bus, subject) == [(1, 1, "a"), (1, 2, "b"), (1, 3, "c")]


async def test_event_of_an_earlier_attempt_is_refused(bus: Bus):
    subject = str(uuid4())
    await bus.publish(subject, "w", 2, [NewEvent(1, "new", "")])
    assert await bus.publish(subject, "w1", 1, [NewEvent(1, "old", "")]) == -1
    assert await seen(bus, subject) == [(2, 1, "new")]


async def test_nothing_follows_a_sealed_subject_and_its_keys_go(bus: Bus):
    subject = str(uuid4())
    await bus.publish(subject, "w", 1, [NewEvent(1, "a", "")])
    pubsub = bus.redis.pubsub()
    await pubsub.subscribe(SEALED_CHANNEL)
    assert (await pubsub.get_message(timeout=5))["type"] == "subscribe"
    await bus.publish(subject, "s", 1, [NewEvent(1, "end", "")], seal=True, ledger=False)
    assert (await pubsub.get_message(timeout=5))["data"] == subject.encode()
    await pubsub.aclose()
    assert await bus.publish(subject, "w", 1, [NewEvent(2, "late", "")]) == -1
    for key in (stream_key(subject), source_key(subject)):
        assert 0 < await bus.redis.ttl(key) <= 30


async def test_sequence_asked_for_is_given_when_it_is_free(bus: Bus):
    subject = str(uuid4())
    await bus.publish(subject, "w", 1, [NewEvent(1, "a", "")])
    assert await bus.publish(subject, "s", 1, [NewEvent(1, "b", "", seq=9)]) == 9
    assert await bus.publish(subject, "s", 1, [NewEvent(2, "c", "", seq=4)]) == 10


async def test_reading_goes_on_behind_the_cursor(bus: Bus):
    subject = str(uuid4())
    await bus.publish(subject, "w", 1, [NewEvent(n, f"e{n}", "") for n in range(1, 5)])
    assert [e.type for e in await bus.read(subject, 1, 2)] == ["e3", "e4"]


async def test_script_is_loaded_again_after_the_server_forgot_it(bus: Bus):
    subject = str(uuid4())
    await bus.publish(subject, "w", 1, [NewEvent(1, "a", "")])
    await bus.redis.script_flush()
    assert await bus.publish(subject, "w", 1, [NewEvent(2, "b", "")]) == 2


async def test_epoch_stays_until_the_data_is_lost(bus: Bus):
    first = await bus.epoch()
    assert await bus.epoch() == first
    await bus.redis.flushall()
    assert await bus.epoch() != first


@pytest.mark.parametrize("user", ["api", "queue", "worker"])
async def test_only_the_storage_worker_may_trim_or_delete(redis_urls: dict[str, str], user: str):
    bus = Bus.connect(redis_urls[user])
    try:
        subject = str(uuid4())
        await bus.publish(subject, user, 1, [NewEvent(1, "a", "")])
        for command in (
            ("XTRIM", ledger_key(0), "MAXLEN", "0"),
            ("DEL", stream_key(subject)),
            ("XGROUP", "CREATE", ledger_key(0), "g", "0"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
        ):
            with pytest.raises(NoPermissionError):
                await bus.redis.execute_command(*command)
    finally:
        await bus.close()
