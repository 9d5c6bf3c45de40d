"""The event bus on Redis: atomic publish, an event stream a subject, a ledger a shard, doorbells.

A *subject* is whatever the events are about (an evaluation's id). Its events lie in a stream
of its own until they are stored, and once more in its shard's ledger, from which the storage
worker takes them. A doorbell (pub/sub) only says "look"; readers read by cursor.
"""

import secrets
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, NamedTuple

from hiredis import pack_command as _pack_command  # pyright: ignore[reportUnknownVariableType]  (typed below)
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

SHARDS: Final = 4
RUNNING_TTL_S: Final = 6 * 3600
FINISHED_TTL_S: Final = 30
EPOCH_KEY: Final = "cloche:epoch"
LIST_CHANNEL: Final = "cloche:list"
SEALED_CHANNEL: Final = "cloche:sealed"

#: Why nothing was published: a later attempt has begun or the subject is sealed; its ledger is full; the bus has lost
#: what this producer published before, which it may publish again.
OVER: Final = -1
FULL: Final = -2
LOST: Final = -3
#: How much of a ledger may wait for the storage worker until producers wait for it. Every event lies in two streams;
#: with four ledgers that is half of Redis's default memory, 256 MiB.
BACKLOG_BYTES: Final = 16 * 1024 * 1024
#: So many groups travel to Redis together.
_TOGETHER: Final = 64

#: What a caller sees when Redis is away; anything else is a defect.
BUS_UNAVAILABLE: Final = (RedisConnectionError, RedisTimeoutError, OSError)


class EventId(NamedTuple):
    """Where an event stands; ordered within one epoch."""

    epoch: str
    attempt: int
    seq: int


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish. ``pseq`` is the producer's own count, from 1, for dropping repeats.

    ``seq`` asks for a place in the stream at or after the next free one. What is not ``live`` only the storage worker
    reads, in the ledger.
    """

    pseq: int
    type: str
    body: str | bytes
    seq: int | None = None
    live: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one subject that are published in one atomic step; repeats by (producer, pseq) are dropped.

    ``in_list`` also rings the doorbell of lists. ``seal`` makes these the last events of the subject, drops its stream,
    and lets the rest go after ``FINISHED_TTL_S``; only the storage worker may. Of a ledger in which
    ``backlog_bytes`` wait nothing is asked with None. ``unbroken`` producers count without gaps, and so are told
    when the bus has lost some of theirs.
    """

    subject: str
    producer: str
    attempt: int
    events: Sequence[NewEvent]
    ledger: bool = True
    in_list: bool = False
    seal: bool = False
    backlog_bytes: int | None = BACKLOG_BYTES
    unbroken: bool = False

    def keys(self) -> list[str]:
        """Its own of what the script touches."""
        return [stream_key(self.subject), source_key(self.subject)]

    def arguments(self) -> list[Any]:
        """As the script reads them."""
        argv: list[Any] = [
            self.subject,
            self.producer,
            self.attempt,
            -FINISHED_TTL_S if self.seal else RUNNING_TTL_S,
            "1" if self.ledger else "0",
            bell_channel(self.subject),
            LIST_CHANNEL if self.in_list else "",
            "" if self.backlog_bytes is None else self.backlog_bytes,
            "1" if self.unbroken else "0",
            len(self.events),
        ]
        for event in self.events:
            seq = "" if event.seq is None else event.seq
            argv += [event.pseq, seq, "1" if event.live else "0", event.type, event.body]
        return argv


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event read from a subject's stream."""

    attempt: int
    seq: int
    type: str
    body: bytes


def shard_of(subject: str) -> int:
    """Which ledger a subject belongs to."""
    return zlib.crc32(subject.encode()) % SHARDS


def ledger_key(shard: int) -> str:
    """The ledger stream of a shard."""
    return f"cloche:{{s{shard}}}:ledger"


def flow_key(shard: int) -> str:
    """The hash that counts a ledger's bytes: those that came (``in``), and up to which they are applied (``out``)."""
    return f"cloche:{{s{shard}}}:flow"


def stream_key(subject: str) -> str:
    """The subject's own event stream."""
    return f"cloche:{{s{shard_of(subject)}}}:x:{subject}:ev"


def source_key(subject: str) -> str:
    """The hash that remembers attempt, sequence and each producer's count."""
    return f"cloche:{{s{shard_of(subject)}}}:x:{subject}:src"


def bell_channel(subject: str) -> str:
    """The doorbell of one subject."""
    return f"cloche:bell:{subject}"


_pack: Final[Callable[[tuple[Any, ...]], bytes]] = _pack_command  # pyright: ignore[reportUnknownVariableType]


class _Connection:
    """Packs commands in C, as redis-py does where it is not asynchronous: publishing is mostly that.

    One that was closed under way is Redis being away: uvloop calls it a ``RuntimeError``.
    """

    def pack_command(self, *words: Any) -> list[bytes]:
        return [_pack((*words[0].encode().split(), *words[1:]))]  # "SCRIPT LOAD" are two

    def pack_commands(self, commands: Iterable[Sequence[Any]]) -> list[bytes]:
        return [b"".join(self.pack_command(*command)[0] for command in commands)]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002  (redis-py's)
        base: Any = super()
        try:
            await base.send_packed_command(command, check_health)
        except RuntimeError as error:
            raise RedisConnectionError(str(error)) from error


class Bus:
    """Publishing and reading on one Redis connection pool."""

    def __init__(self, redis: "Redis") -> None:
        self.redis: Any = redis  # redis-py's own types are incomplete for streams
        self._script = (files("cloche.kit") / "publish.lua").read_text(encoding="utf-8")
        self._sha = ""

    @classmethod
    def connect(cls, url: str, *, connections: int = 32) -> "Bus":
        """A bus on ``url`` (``redis://`` or ``unix://``); connects when first used.

        Beyond ``connections`` callers wait for one, at most 20 s.
        """
        connect: Any = BlockingConnectionPool.from_url  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped)
        pool = connect(
            url,
            max_connections=connections,
            timeout=20,
            socket_connect_timeout=5,
            socket_timeout=30,
            health_check_interval=30,
            protocol=2,
        )
        pool.connection_class = type("Connection", (_Connection, pool.connection_class), {})
        return cls(Redis.from_pool(pool))

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose()

    async def ping(self) -> None:
        """Raises when Redis does not answer."""
        await self.redis.ping()

    async def epoch(self) -> str:
        """The id of this Redis's data: it changes only when Redis lost what it held."""
        value: bytes | None = await self.redis.get(EPOCH_KEY)
        if value is None:
            await self.redis.set(EPOCH_KEY, secrets.token_hex(4), nx=True)
            value = await self.redis.get(EPOCH_KEY)
        return (value or b"").decode()

    async def publish(self, group: Group) -> int:
        """Publish one group.

        Returns:
            The last sequence; ``OVER``, ``FULL`` or ``LOST`` when nothing was published.

        Raises:
            RedisError: Redis is away, has no memory left or refused the command; nothing was published.
        """
        (answer,) = await self.publish_all([group])
        if isinstance(answer, RedisError):
            raise answer
        return answer

    async def publish_all(self, groups: Sequence[Group]) -> list[int | RedisError]:
        """Publish each of ``groups`` for itself, in few round trips; the answers of ``publish`` in their order.

        Raises:
            RedisError: Redis is away; of these groups some may be published.
        """
        answers: list[int | RedisError] = []
        for start in range(0, len(groups), _TOGETHER):
            part = groups[start : start + _TOGETHER]
            given = await self._run(part)
            if any(isinstance(answer, NoScriptError) for answer in given):
                self._sha = ""
                given = await self._run(part)  # what was published by then is a repeat
            answers += given
        return answers

    async def read(self, subject: str, attempt: int, seq: int, *, count: int = 256) -> list[StreamEvent]:
        """The subject's events after (attempt, seq), in order, at most ``count``."""
        rows = await self.redis.xrange(stream_key(subject), min=f"({attempt}-{seq}", count=count)
        return [_stream_event(entry_id, fields) for entry_id, fields in rows]

    async def expire(self, subject: str) -> None:
        """Let the subject's keys go after ``FINISHED_TTL_S``; possible also when Redis is full."""
        await self.redis.expire(stream_key(subject), FINISHED_TTL_S)
        await self.redis.expire(source_key(subject), FINISHED_TTL_S)

    async def _run(self, groups: Sequence[Group]) -> list[int | RedisError]:
        if not self._sha:
            self._sha = await self.redis.script_load(self._script)
        shards: dict[int, list[int]] = {}
        for place, group in enumerate(groups):
            shards.setdefault(shard_of(group.subject), []).append(place)
        calls = [_call(shard, [groups[place] for place in places]) for shard, places in shards.items()]
        answers: dict[int, int | RedisError] = {}
        for places, given in zip(shards.values(), await self._evaluate(calls), strict=True):
            answers.update(zip(places, given if isinstance(given, list) else [given] * len(places), strict=True))
        return [answers[place] for place in range(len(groups))]

    async def _evaluate(self, calls: Sequence[Sequence[Any]]) -> list[list[int | RedisError] | RedisError]:
        """What the script answers to each of ``calls``, or the error that kept it from beginning."""
        if len(calls) == 1:
            try:
                return [await self.redis.evalsha(self._sha, *calls[0])]
            except ResponseError as error:
                return [error]
        async with self.redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.evalsha(self._sha, *call)
            return await pipe.execute(raise_on_error=False)


def _call(shard: int, groups: Sequence[Group]) -> list[Any]:
    """Arguments of the script for groups of one shard."""
    keys, argv = [ledger_key(shard), flow_key(shard)], list[Any]()
    for group in groups:
        keys += group.keys()
        argv += group.arguments()
    return [len(keys), *keys, *argv]


def _stream_event(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEvent:
    attempt, _, seq = entry_id.partition(b"-")
    return StreamEvent(int(attempt), int(seq), fields[b"t"].decode(), fields[b"b"])


__all__ = ["BUS_UNAVAILABLE", "Bus", "EventId", "Group", "NewEvent", "RedisError", "ResponseError", "StreamEvent"]
