"""Mending what the queue has, has not, or has too much. Each repair looks again before it changes anything."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from cloche.api.store import whole_program
from cloche.contracts.tasks import NewTask
from cloche.kit.postgres import Pool, Session, load_sql
from cloche.queue.capability import rank
from cloche.queue.faults import Faults
from cloche.queue.metrics import Meters
from cloche.queue.relay import Relay
from cloche.queue.signals import Signals
from cloche.queue.single import only_now
from cloche.queue.tasks import Tasks
from cloche.stack.fsck.look import Stores

_SQL: Final = {
    name: load_sql("cloche.stack.fsck", name)
    for name in ("mend_lost_enqueue", "mend_lost_held", "mend_lost_task", "programs", "take_submissions")
}
#: A person repairs: leases given meanwhile are the service's to give.
_LEASE_S: Final = 30.0


async def mend_lost_enqueue(stores: Stores, ids: Sequence[UUID]) -> None:
    """Write the outbox's rows anew. Lane, priority and times are the usual ones: only the lost row had them."""
    for row in await stores.pool.fetch(_SQL["programs"], list(ids)):
        program = orjson.loads(whole_program(row) or b"")
        task: dict[str, Any] = {
            "evaluation_id": str(row["id"]),
            "tenant": row["tenant"],
            "runtime": program["runtime"],
            "isolation": program["isolation"],
        }
        if row["batch_id"] is None:
            await stores.pool.execute(_SQL["mend_lost_enqueue"], row["id"], orjson.dumps(task))
        else:
            task |= {"lane": row["lane"], "priority": row["priority"]}
            await stores.pool.execute(_SQL["mend_lost_held"], row["id"], orjson.dumps(task))


async def mend_lost_task(stores: Stores, ids: Sequence[UUID]) -> None:
    """Queue them again under the next attempt, so that record and bus take what it tells."""
    cancelled: list[UUID] = []
    for row in await stores.pool.fetch(_SQL["programs"], list(ids)):
        program = whole_program(row) or b""
        isolation = orjson.loads(program)["isolation"]
        await stores.pool.execute(_SQL["mend_lost_task"], row["id"], rank(isolation), program)
        cancelled += [row["id"]] if row["cancel_requested"] else []
    if cancelled:
        await _faults(stores.pool).cancel(cancelled)


async def mend_stuck_submission(stores: Stores, ids: Sequence[UUID]) -> None:
    """Do what the API's relay would do. A row that the queue refuses stays."""
    tasks = Tasks(stores.pool, Signals(), Meters(), lease_s=_LEASE_S)
    async with stores.pool.acquire() as session, session.transaction():
        done: list[int] = []
        for row in await session.fetch(_SQL["take_submissions"], list(ids)):
            if row["kind"] == "enqueue":
                new = {**orjson.loads(row["body"]), "program": orjson.loads(row["program"])}
                await tasks.enqueue([NewTask.model_validate(new)])
                done.append(row["id"])
            else:
                (outcome,) = await _faults(stores.pool).cancel([row["evaluation_id"]])
                done += [row["id"]] if outcome.state != "unknown" else []
        await session.execute("DELETE FROM api_outbox WHERE id = ANY($1)", done)


async def mend_lease_overdue(stores: Stores, _ids: Sequence[UUID]) -> None:
    """Do what the reaper would do, unless there is one at work."""

    async def reap(_session: Session) -> None:
        while await _faults(stores.pool).reap_expired():
            pass

    await only_now(stores.pool, "reaper", reap)


async def mend_stuck_event(stores: Stores, _ids: Sequence[UUID]) -> None:
    """Do what the queue's relay would do, unless there is one at work."""
    relay = Relay(stores.bus, Signals(), Meters())

    async def publish(session: Any) -> None:
        async with asyncio.timeout(60):
            while await relay.publish_batch(session):
                pass

    await only_now(stores.pool, "relay", publish)


def _faults(pool: Pool) -> Faults:
    return Faults(pool, Signals(), Meters())
