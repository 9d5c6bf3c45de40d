"""What people see of the queue: counts, lanes, one task. Read-only but for pausing a lane."""

from typing import Final
from uuid import UUID

from cloche.contracts.queue_view import LanesAnswer, LaneView, QueueStats, Share, TaskView
from cloche.contracts.words import ISOLATION_ORDER
from cloche.kit.errors import NotFoundError
from cloche.kit.postgres import Pool, Row, load_sql
from cloche.queue.executors import Executors
from cloche.queue.signals import Signals
from cloche.queue.waiting import COUNTED_AHEAD, WaitingTask, waiting_for

_LANES: Final = load_sql("cloche.queue", "lanes")
_LANE_PAUSE: Final = load_sql("cloche.queue", "lane_pause")
_RECENT: Final = load_sql("cloche.queue", "recent")
_SHARES: Final = load_sql("cloche.queue", "shares")
_DEAD_COUNT: Final = load_sql("cloche.queue", "dead_count")
_TASK_VIEW: Final = load_sql("cloche.queue", "task_view")
_AHEAD: Final = load_sql("cloche.queue", "ahead")
_RESULT_VIEW: Final = load_sql("cloche.queue", "result_view")


class PeopleView:
    """``tenant`` None means all tenants, which only an operator may ask for."""

    def __init__(self, pool: Pool, executors: Executors, signals: Signals) -> None:
        self._pool = pool
        self._executors = executors
        self._signals = signals

    async def lanes(self, tenant: str | None) -> LanesAnswer:
        """Every lane with its counts."""
        return LanesAnswer(lanes=[_lane(row) for row in await self._pool.fetch(_LANES, tenant)])

    async def stats(self, tenant: str | None) -> QueueStats:
        """Counts now, and of the last minute."""
        lanes = (await self.lanes(tenant)).lanes
        recent = await self._pool.fetchrow(_RECENT, tenant)
        assert recent is not None  # an aggregate without GROUP BY always has one row
        return QueueStats(
            queued=sum(lane.queued for lane in lanes),
            running=sum(lane.running for lane in lanes),
            dead=await self._pool.fetchval(_DEAD_COUNT, tenant),
            finished_last_minute=recent["finished"],
            wait_p50_s=recent["p50"],
            wait_p95_s=recent["p95"],
            lanes=lanes,
            shares=[_share(row) for row in await self._pool.fetch(_SHARES, tenant)],
        )

    async def set_paused(self, lane: str, *, paused: bool) -> LaneView:
        """Pause or resume leasing from a lane; what runs goes on. Idempotent.

        Raises:
            NotFoundError: there is no such lane.
        """
        if await self._pool.fetchval(_LANE_PAUSE, lane, paused) is None:
            raise NotFoundError("There is no such lane.")
        self._signals.work.ring()
        return next(view for view in (await self.lanes(None)).lanes if view.lane == lane)

    async def task(self, tenant: str, evaluation_id: UUID) -> TaskView:
        """Where a task stands; ``position`` 1 is the next of its tenant in its lane.

        Raises:
            NotFoundError: unknown, or another tenant's.
        """
        row = await self._pool.fetchrow(_TASK_VIEW, evaluation_id, tenant, COUNTED_AHEAD)
        if row is not None:
            return await self._open_task(tenant, evaluation_id, row)
        done = await self._pool.fetchrow(_RESULT_VIEW, evaluation_id, tenant)
        if done is None:
            raise NotFoundError("There is no such task.")
        return TaskView(
            evaluation_id=evaluation_id,
            state="done",
            lane=done["lane"],
            attempt=done["attempts"],
            position=None,
            lane_position=None,
            waiting_for=None,
            worker=None,
        )

    async def _open_task(self, tenant: str, evaluation_id: UUID, row: Row) -> TaskView:
        running: bool = row["running"]
        level: int = row["isolation"]
        reason: str | None = None
        if not running:
            task = WaitingTask(
                lane=row["lane"],
                runtime=row["runtime"],
                isolation=ISOLATION_ORDER[level],
                paused=row["paused"],
                due_in_s=row["due_in_s"],
                ahead=row["ahead"],
                tenant_full_at=row["tenant_full_at"],
                lane_full_at=row["lane_full_at"],
                rate_spent_at=row["rate_spent_at"],
            )
            reason = waiting_for(task, await self._executors.alive())
        in_line: bool = not running and row["due"]
        position = row["ahead"] + 1 if in_line else None
        return TaskView(
            evaluation_id=evaluation_id,
            state="running" if running else "queued",
            lane=row["lane"],
            attempt=row["attempt"],
            position=position,
            lane_position=position and position + await self._pool.fetchval(_AHEAD, row["lane"], tenant, position),
            waiting_for=reason,
            worker=row["worker"],
        )


def _lane(row: Row) -> LaneView:
    return LaneView(
        lane=row["lane"],
        paused=row["paused"],
        max_running=row["max_running"],
        rate_per_s=row["rate_per_s"],
        queued=row["queued"],
        running=row["running"],
        oldest_age_s=row["oldest_age_s"],
    )


def _share(row: Row) -> Share:
    return Share(
        lane=row["lane"],
        tenant=row["tenant"],
        queued=row["queued"],
        delayed=row["delayed"],
        running=row["running"],
        oldest_age_s=row["oldest_age_s"],
        finished_last_minute=row["finished"],
        wait_p50_s=row["p50"],
        wait_p95_s=row["p95"],
    )
