"""The event bus on Redis: atomic publish, an event stream a subject, a ledger a shard, doorbells.

A *subject* is whatever the events are about (an evaluation's id). Its events lie in a stream
of its own that lives as long as somebody may watch, and once more in its shard's ledger, from
which the storage worker takes them. A doorbell (pub/sub) only says "look"; readers read by cursor.
"""

import secrets
import zlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, NamedTuple

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

#: What a caller sees when Redis is away; anything else is a defect.
BUS_UNAVAILABLE: Final = (RedisConnectionError, RedisTimeoutError, OSError)


#: What PostgreSQL's integer and Lua's numbers hold, whoever sends an id.
_ATTEMPT_DIGITS = 9
_SEQ_DIGITS = 15


class EventId(NamedTuple):
    """Where an event stands: ``epoch.attempt.seq``; ordered within one epoch."""

    epoch: str
    attempt: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.attempt}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "EventId | None":
        """The id, or None when ``text`` is not one."""
        epoch, _, rest = text.partition(".")
        attempt, _, seq = rest.partition(".")
        if not (epoch.isalnum() and attempt.isdecimal() and seq.isdecimal()) or len(text) > 64:
            return None
        if len(attempt) > _ATTEMPT_DIGITS or len(seq) > _SEQ_DIGITS:
            return None
        return cls(epoch, int(attempt), int(seq))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish. ``pseq`` is the producer's own count, from 1, for dropping repeats.

    ``seq`` asks for a place in the stream at or after the next free one.
    """

    pseq: int
    type: str
    body: str | bytes
    seq: int | None = None


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


def stream_key(subject: str) -> str:
    """The subject's own event stream."""
    return f"cloche:{{s{shard_of(subject)}}}:x:{subject}:ev"


def source_key(subject: str) -> str:
    """The hash that remembers attempt, sequence and each producer's count."""
    return f"cloche:{{s{shard_of(subject)}}}:x:{subject}:src"


def bell_channel(subject: str) -> str:
    """The doorbell of one subject."""
    return f"cloche:bell:{subject}"


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

    async def publish(  # noqa: PLR0913  (one call is one atomic group; the flags belong to it)
        self,
        subject: str,
        producer: str,
        attempt: int,
        events: list[NewEvent],
        *,
        ledger: bool = True,
        in_list: bool = False,
        seal: bool = False,
    ) -> int:
        """Publish ``events`` in one atomic step; repeats by (producer, pseq) are dropped.

        ``in_list`` also rings the doorbell of lists. ``seal`` makes these the last events of the
        subject and lets its keys go after ``FINISHED_TTL_S``.

        Returns:
            The last sequence; -1 when refused because a later attempt has begun or the subject is sealed.

        Raises:
            RedisError: Redis is away, full or refused the command; nothing was published.
        """
        argv: list[Any] = [
            subject,
            producer,
            attempt,
            -FINISHED_TTL_S if seal else RUNNING_TTL_S,
            "1" if ledger else "0",
            bell_channel(subject),
            LIST_CHANNEL if in_list else "",
        ]
        for event in events:
            argv += [event.pseq, "" if event.seq is None else event.seq, event.type, event.body]
        keys = [stream_key(subject), source_key(subject), ledger_key(shard_of(subject))]
        return int(await self._run(keys, argv))

    async def read(self, subject: str, attempt: int, seq: int, *, count: int = 256) -> list[StreamEvent]:
        """The subject's events after (attempt, seq), in order, at most ``count``."""
        rows = await self.redis.xrange(stream_key(subject), min=f"({attempt}-{seq}", count=count)
        return [_stream_event(entry_id, fields) for entry_id, fields in rows]

    async def expire(self, subject: str) -> None:
        """Let the subject's keys go after ``FINISHED_TTL_S``; possible also when Redis is full."""
        await self.redis.expire(stream_key(subject), FINISHED_TTL_S)
        await self.redis.expire(source_key(subject), FINISHED_TTL_S)

    async def _run(self, keys: list[str], argv: list[Any]) -> int:
        if not self._sha:
            self._sha = await self.redis.script_load(self._script)
        try:
            return await self.redis.evalsha(self._sha, len(keys), *keys, *argv)
        except NoScriptError:
            self._sha = await self.redis.script_load(self._script)
            return await self.redis.evalsha(self._sha, len(keys), *keys, *argv)


def _stream_event(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEvent:
    attempt, _, seq = entry_id.partition(b"-")
    return StreamEvent(int(attempt), int(seq), fields[b"t"].decode(), fields[b"b"])


__all__ = ["BUS_UNAVAILABLE", "Bus", "EventId", "NewEvent", "RedisError", "ResponseError", "StreamEvent"]
