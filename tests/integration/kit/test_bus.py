"""The event bus against a real server: atomic, fenced by attempt, repeats dropped, sealed at the end."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.exceptions import NoPermissionError

from cloche.kit.bus import (
    FULL,
    LOST,
    SEALED_CHANNEL,
    Bus,
    Group,
    NewEvent,
    flow_key,
    ledger_key,
    shard_of,
    source_key,
    stream_key,
)


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    bus = Bus.connect(redis_url)
    yield bus
    await bus.close()


async def publish(bus: Bus, subject: str, producer: str, attempt: int, events: list[NewEvent], **options: Any) -> int:
    return await bus.publish(Group(subject, producer, attempt, events, **options))


async def seen(bus: Bus, subject: str) -> list[tuple[int, int, str]]:
    return [(e.attempt, e.seq, e.type) for e in await bus.read(subject, 0, 0)]


async def test_group_is_published_in_order_to_stream_and_ledger(bus: Bus):
    subject = str(uuid4())
    assert await publish(bus, subject, "w", 1, [NewEvent(1, "a", "x"), NewEvent(2, "b", "y")]) == 2
    assert await seen(bus, subject) == [(1, 1, "a"), (1, 2, "b")]
    ledger = await bus.redis.xrange(ledger_key(shard_of(subject)))
    assert [fields[b"t"] for _, fields in ledger] == [b"a", b"b"]


async def test_repeat_by_the_same_producer_is_dropped(bus: Bus):
    subject = str(uuid4())
    for _ in range(3):
        await publish(bus, subject, "w", 1, [NewEvent(1, "a", "")])
    await publish(bus, subject, "w", 1, [NewEvent(1, "a", ""), NewEvent(2, "b", "")])
    await publish(bus, subject, "other", 1, [NewEvent(1, "c", "")])
    assert await seen(bus, subject) == [(1, 1, "a"), (1, 2, "b"), (1, 3, "c")]


async def test_event_of_an_earlier_attempt_is_refused(bus: Bus):
    subject = str(uuid4())
    await publish(bus, subject, "w", 2, [NewEvent(1, "new", "")])
    assert await publish(bus, subject, "w1", 1, [NewEvent(1, "old", "")]) == -1
    assert await seen(bus, subject) == [(2, 1, "new")]


async def test_nothing_follows_a_sealed_subject_and_its_keys_go(bus: Bus):
    subject = str(uuid4())
    await publish(bus, subject, "w", 1, [NewEvent(1, "a", "")])
    pubsub = bus.redis.pubsub()
    await pubsub.subscribe(SEALED_CHANNEL)
    assert (await pubsub.get_message(timeout=5))["type"] == "subscribe"
    await publish(bus, subject, "s", 1, [NewEvent(1, "end", "")], seal=True, ledger=False)
    assert (await pubsub.get_message(timeout=5))["data"] == subject.encode()
    await pubsub.aclose()
    assert await publish(bus, subject, "w", 1, [NewEvent(2, "late", "")]) == -1
    assert await bus.redis.exists(stream_key(subject)) == 0
    assert 0 < await bus.redis.ttl(source_key(subject)) <= 30


async def test_sequence_asked_for_is_given_when_it_is_free(bus: Bus):
    subject = str(uuid4())
    await publish(bus, subject, "w", 1, [NewEvent(1, "a", "")])
    assert await publish(bus, subject, "s", 1, [NewEvent(1, "b", "", seq=9)]) == 9
    assert await publish(bus, subject, "s", 1, [NewEvent(2, "c", "", seq=4)]) == 10


async def test_what_only_the_record_needs_begins_no_stream(bus: Bus):
    subject = str(uuid4())
    assert await publish(bus, subject, "api", 0, [NewEvent(1, "queued", "", live=False)]) == 1
    assert await bus.redis.exists(stream_key(subject), source_key(subject)) == 0
    assert await publish(bus, subject, "q", 1, [NewEvent(7, "leased", ""), NewEvent(8, "done", "", live=False)]) == 2
    assert await seen(bus, subject) == [(1, 1, "leased")]
    ledger = await bus.redis.xrange(ledger_key(shard_of(subject)))
    assert [(fields[b"t"], fields[b"s"]) for _, fields in ledger] == [
        (b"queued", b"1"),
        (b"leased", b"1"),
        (b"done", b"2"),
    ]


async def test_full_ledger_refuses_until_what_waits_is_applied(bus: Bus):
    subject = str(uuid4())
    first = [NewEvent(1, "output", "x" * 5000)]
    assert await publish(bus, subject, "w", 1, first, backlog_bytes=5000) == 1
    second = [NewEvent(2, "output", "y")]
    assert await publish(bus, subject, "w", 1, second, backlog_bytes=5000) == FULL
    assert await seen(bus, subject) == [(1, 1, "output")]
    assert await publish(bus, subject, "other", 1, [NewEvent(1, "end", "")], backlog_bytes=None) == 2
    ledger = await bus.redis.xrange(ledger_key(shard_of(subject)))
    await bus.redis.hset(flow_key(shard_of(subject)), "out", ledger[-1][1][b"n"])
    assert await publish(bus, subject, "w", 1, second, backlog_bytes=5000) == 3


async def test_producer_that_counts_without_gaps_learns_what_the_bus_lost(bus: Bus):
    subject = str(uuid4())
    events = [NewEvent(n, f"e{n}", "") for n in range(1, 5)]
    assert await publish(bus, subject, "w", 1, events[:2], unbroken=True) == 2
    await bus.redis.flushall()
    assert await publish(bus, subject, "w", 1, events[2:], unbroken=True) == LOST
    assert await publish(bus, subject, "w", 1, events[1:], unbroken=False) == 3
    assert await publish(bus, subject, "w", 1, [NewEvent(5, "e5", "")], unbroken=True) == 4
    assert [kind for _, _, kind in await seen(bus, subject)] == ["e2", "e3", "e4", "e5"]


async def test_many_groups_are_each_published_or_refused_for_themselves(bus: Bus):
    subjects = [str(uuid4()) for _ in range(150)]
    await publish(bus, subjects[3], "s", 1, [NewEvent(1, "end", "")], seal=True, ledger=False)
    await bus.redis.script_flush()
    answers = await bus.publish_all([Group(s, "w", 1, [NewEvent(1, "a", s)]) for s in subjects])
    assert answers == [-1 if place == 3 else 1 for place in range(150)]
    assert [await seen(bus, s) for s in subjects[:3]] == [[(1, 1, "a")]] * 3


async def test_one_that_fails_keeps_none_of_its_shard_from_being_published(bus: Bus):
    subjects = [str(uuid4()) for _ in range(40)]
    await bus.redis.set(source_key(subjects[3]), "no hash")
    before = await bus.redis.hget(flow_key(shard_of(subjects[3])), "in")
    answers = await bus.publish_all([Group(s, "w", 1, [NewEvent(1, "a", "x" * 100)]) for s in subjects])
    assert [type(answer).__name__ for answer in answers if answer != 1] == [type(answers[3]).__name__]
    assert "WRONGTYPE" in str(answers[3])
    mine = [s for s in subjects if shard_of(s) == shard_of(subjects[3])]
    grown = int(await bus.redis.hget(flow_key(shard_of(subjects[3])), "in")) - int(before or 0)
    assert grown == 300 * (len(mine) - 1) > 0


async def test_reading_goes_on_behind_the_cursor(bus: Bus):
    subject = str(uuid4())
    await publish(bus, subject, "w", 1, [NewEvent(n, f"e{n}", "") for n in range(1, 5)])
    assert [e.type for e in await bus.read(subject, 1, 2)] == ["e3", "e4"]


async def test_script_is_loaded_again_after_the_server_forgot_it(bus: Bus):
    subject = str(uuid4())
    await publish(bus, subject, "w", 1, [NewEvent(1, "a", "")])
    await bus.redis.script_flush()
    assert await publish(bus, subject, "w", 1, [NewEvent(2, "b", "")]) == 2


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
        await publish(bus, subject, user, 1, [NewEvent(1, "a", "")])
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
