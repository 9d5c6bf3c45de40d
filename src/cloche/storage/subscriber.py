"""The storage worker's loops: take, apply, COMMIT, then announce, acknowledge and trim."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from cloche.contracts.events import Finished
from cloche.kit.background import Background
from cloche.kit.bus import Bus, Group, NewEvent, RedisError, source_key
from cloche.kit.clock import now
from cloche.kit.errors import ClocheError
from cloche.kit.http_client import ServiceClient
from cloche.kit.logs import get_logger
from cloche.kit.postgres import REFUSED, UNAVAILABLE, PostgresError
from cloche.storage.fold import Changes, LedgerEntry, Poison, Terminal, fold
from cloche.storage.ledger import Ledger
from cloche.storage.metrics import Metrics
from cloche.storage.reconciler import Reconciler
from cloche.storage.record_store import RecordStore
from cloche.storage.retention import Retention
from cloche.storage.settings import StorageSettings
from cloche.storage.settle import Verdict, unstorable
from cloche.storage.traced import note_stored

log = get_logger()

#: "Not now": away, too busy, not as this program expects it, or anything else that is not about what is stored.
_AWAY = (*UNAVAILABLE, PostgresError, RedisError)
_OWN_EVERY_S = 3.0
_TELL_EVERY_S = 2.0
_WAITING_EVERY_S = 0.5
_BLOCK_MS = 1000
#: Events that come this soon after the first share its transaction; where there are ``_MANY``, more are worth waiting
#: for: what begins and ends in one batch is written once.
_GATHER_S = 0.015
_GATHER_MANY_S = 0.06
_MANY = 64
#: Of several storage workers the one that owns this shard does what is not about a shard.
_FIRST_SHARD = 0


class Subscriber:
    """Applies what the ledgers hold, and what the Queue Service committed, to the record."""

    def __init__(
        self, settings: StorageSettings, store: RecordStore, bus: Bus, queue: ServiceClient, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._ledger = Ledger(bus, settings.name)
        self._owned: set[int] = set()
        self._retention = Retention(store, settings.keep_days)
        self._reconciler = Reconciler(store, queue)

    async def run(self) -> None:
        """Work until cancelled; faults of PostgreSQL, Redis and the queue are waited out."""
        background = Background()
        try:
            for name, work in (
                ("ledger", self._follow_ledgers),
                ("waiting", self._settle_waiting),
                ("results", self._reconcile),
                ("retention", self._retention.run),
                ("lag", self._tell_lag),
            ):
                background.start(name, functools.partial(self._patiently, name, work))
            await asyncio.Event().wait()
        finally:
            await background.stop()
            with contextlib.suppress(RedisError, OSError):
                await self._ledger.leave()

    async def _patiently(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        delay_s = 0.1
        while True:
            try:
                await work()
            except (*_AWAY, ClocheError) as error:
                log.warning("storage.waiting", loop=name, error=type(error).__name__)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)
            else:
                delay_s = 0.1

    async def _follow_ledgers(self) -> None:
        """One term of ownership: claim what was left unacknowledged, then take what comes."""
        self._owned = shards = await self._ledger.own()
        if not shards:
            await asyncio.sleep(1.0)
            return
        await self._ledger.prepare(shards)
        epoch = await self._bus.epoch()
        for shard in shards:
            while entries := await self._ledger.unacknowledged(shard, self._settings.batch):
                await self._apply({shard: entries}, epoch)
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + _OWN_EVERY_S
        while True:
            if loop.time() >= renew_at:
                self._owned = await self._ledger.own()
                if self._owned != shards or await self._bus.epoch() != epoch:
                    return
                renew_at = loop.time() + _OWN_EVERY_S
            found = await self._ledger.take(shards, self._settings.batch, block_ms=_BLOCK_MS)
            if found:
                many = sum(map(len, found.values())) >= _MANY
                await asyncio.sleep(_GATHER_MANY_S if many else _GATHER_S)
                for shard, entries in (await self._ledger.take(shards, self._settings.batch)).items():
                    found.setdefault(shard, []).extend(entries)
                await self._apply(found, epoch)
            else:
                await self._settle_flows(shards)

    async def _settle_flows(self, shards: set[int]) -> None:
        for shard, behind in (await self._ledger.backlog_bytes(shards)).items():
            if behind:
                await self._ledger.settle_flow(shard)

    async def _apply(self, found: dict[int, list[LedgerEntry]], epoch: str) -> None:
        begun = now()
        entries = [entry for group in found.values() for entry in group]
        verdicts = await self._apply_or_isolate(entries, found, epoch)
        await self._announce(verdicts, begun)
        await self._ledger.acknowledge(found)
        self._metrics.applied.inc(len(entries))

    async def _apply_or_isolate(
        self, entries: list[LedgerEntry], found: dict[int, list[LedgerEntry]], epoch: str
    ) -> list[Verdict]:
        """All at once; if the database refuses the batch, subject by subject, setting the refused ones aside."""
        changes = fold(entries)
        poison = changes.poison
        try:
            verdicts = await self._store_all(changes, epoch)
        except REFUSED as error:
            log.warning("storage.batch_refused", error=type(error).__name__, exc_info=error)
            verdicts = list[Verdict]()
            for subject in dict.fromkeys(entry.subject for entry in entries):
                mine = [entry for entry in entries if entry.subject == subject]
                part = fold(mine)
                try:
                    verdicts += await self._store_all(part, epoch)
                except REFUSED as cause:
                    poison += [Poison(entry, type(cause).__name__) for entry in mine]
                    ended, _ = await self._finish_each(list(part.terminals.values()), epoch, patient=False)
                    verdicts += ended
        for shard, group in found.items():
            ids = {entry.ledger_id for entry in group}
            await self._set_aside([p for p in poison if p.entry.ledger_id in ids], shard)
        return verdicts

    async def _store_all(self, changes: Changes, epoch: str, *, patient: bool = True) -> list[Verdict]:
        verdicts = await self._store.apply(changes, epoch, patient=patient)
        self._metrics.note_stored(verdicts)
        return verdicts

    async def _set_aside(self, poison: list[Poison], shard: int) -> None:
        if poison:
            await self._store.set_aside(poison, shard)
            self._metrics.poison.inc(len(poison))

    async def _finish_each(
        self, terminals: Sequence[Terminal], epoch: str, *, patient: bool
    ) -> tuple[list[Verdict], list[Poison]]:
        """One by one; a record that can't be stored ends its evaluation as ``internal_error``.

        Returns the verdicts, and as poison the records whose evaluation can't even be ended so.
        """
        verdicts: list[Verdict] = []
        poison: list[Poison] = []
        for terminal in terminals:
            for one in (terminal, unstorable(terminal)):
                changes = Changes(terminals={one.evaluation_id: one})
                try:
                    verdicts += await self._store_all(changes, epoch, patient=patient)
                    break
                except REFUSED as error:
                    log.warning("storage.record_refused", error=type(error).__name__, exc_info=error)
                    reason = type(error).__name__
            else:
                poison.append(Poison(_entry_of(terminal), reason))
        return verdicts, poison

    async def _announce(self, verdicts: Sequence[Verdict], begun: datetime) -> None:
        """Tell watchers, after the commit. A repeat is dropped by the bus; a loss is found by their poll."""
        if not verdicts:
            return
        note_stored(verdicts, begun)
        try:
            answers = await self._bus.publish_all([_finished(verdict) for verdict in verdicts])
        except (RedisError, OSError) as error:
            log.warning("storage.unannounced", error=type(error).__name__, count=len(verdicts))
            return
        for verdict, answer in zip(verdicts, answers, strict=True):
            if isinstance(answer, RedisError):
                # Watchers find the verdict by their poll; the keys must go all the same, or a full Redis stays full.
                log.warning("storage.unannounced", error=type(answer).__name__, count=1)
                with contextlib.suppress(RedisError, OSError):
                    await self._bus.expire(str(verdict.evaluation_id))

    async def _tell_lag(self) -> None:
        """Also while nothing can be stored: that is when it is asked for."""
        await asyncio.sleep(_TELL_EVERY_S)
        shards = self._owned
        lag_s, waiting_bytes = await self._ledger.lag_s(shards), await self._ledger.backlog_bytes(shards)
        self._metrics.note_ledgers(lag_s, waiting_bytes, await self._ledger.length())

    async def _settle_waiting(self) -> None:
        """Records that waited for output: stored once it is there, or with what is missing after 10 s."""
        await asyncio.sleep(_WAITING_EVERY_S)
        if _FIRST_SHARD not in self._owned:
            return
        waiting = await self._store.waiting()
        if not waiting:
            return
        epoch = await self._bus.epoch()
        for patient in (True, False):
            due = [t for t, age_s in waiting if (0 <= age_s < self._settings.patience_s) == patient]
            await self._finish(due, epoch, patient=patient)

    async def _reconcile(self) -> None:
        await asyncio.sleep(self._settings.reconcile_s)
        if _FIRST_SHARD in self._owned:
            await self._reconciler.catch_up(self._finish_lost)

    async def _finish_lost(self, lost: list[Terminal]) -> None:
        poison = await self._finish(lost, await self._bus.epoch(), patient=True)
        await self._set_aside(poison, _FIRST_SHARD)
        self._metrics.reconciled.inc(len(lost))

    async def _finish(self, terminals: list[Terminal], epoch: str, *, patient: bool) -> list[Poison]:
        """Store and announce these; the records that can't be stored in any way."""
        if not terminals:
            return []
        known = [Terminal(t.evaluation_id, t.record, await self._last_seq(t.evaluation_id)) for t in terminals]
        begun = now()
        verdicts, poison = await self._finish_each(known, epoch, patient=patient)
        await self._announce(verdicts, begun)
        return poison

    async def _last_seq(self, evaluation_id: UUID) -> int | None:
        value: bytes | None = await self._bus.redis.hget(source_key(str(evaluation_id)), "seq")
        return None if value is None else int(value)


def _finished(verdict: Verdict) -> Group:
    """The last event of an evaluation."""
    body = Finished(verdict=verdict.record.verdict).model_dump_json()
    event = NewEvent(1, "evaluation.finished", body, verdict.finished_seq, live=False)
    subject, attempt = str(verdict.evaluation_id), verdict.record.attempt
    return Group(subject, "storage", attempt, [event], ledger=False, in_list=True, seal=True)


def _entry_of(terminal: Terminal) -> LedgerEntry:
    """The event that was lost, of a record that came without it."""
    record = terminal.record
    body = record.model_dump_json().encode()
    return LedgerEntry("", str(terminal.evaluation_id), record.attempt, 0, "evaluation.completed", body)
