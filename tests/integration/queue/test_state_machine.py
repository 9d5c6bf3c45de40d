"""Any order of calls at two replicas against a model: one live lease, one end for ever, nothing lost, fair shares.

Time is the model's: the driver moves all times in the tables. It holds the reaper's lock: only its own steps reap.
"""

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloche.contracts.tasks import LeasedTask, NewTask
from cloche.kit.clock import iso, now
from cloche.kit.errors import CancelledConflictError, ClocheError, LeaseLostError
from cloche.queue.limits import LaneLimits

LEASE_S, DELAY_S, TIMEOUT_S = 30, 50, 125
SECOND = timedelta(seconds=1)
BATCH_MAX_RUNNING = 2
LANES = {"interactive": LaneLimits(urgency=0), "batch": LaneLimits(urgency=10, max_running=BATCH_MAX_RUNNING)}

REPLICA = st.integers(0, 1)
TASK = st.integers(0, 17)
ON_A_TASK = ("enqueue", "cancel", "complete", "stale", "goodbye", "heartbeat", "replay")
STEPS = st.one_of(
    st.tuples(st.sampled_from(ON_A_TASK), REPLICA, TASK),
    st.tuples(st.just("lease"), REPLICA, st.integers(1, 4)),
    st.tuples(st.just("fail"), REPLICA, TASK, st.sampled_from(["engine_error", "cell_lost"]), st.booleans()),
    st.tuples(st.just("clock"), REPLICA, st.sampled_from([20, 60])),
    st.tuples(st.just("reap"), REPLICA),
    st.tuples(st.sampled_from(["pause", "resume"]), REPLICA, st.sampled_from(sorted(LANES))),
)


@dataclass
class Model:
    """What should hold for one task. Times are seconds from now."""

    task: NewTask
    state: str = "new"
    ready_in: float = 0
    lease_left: float = 0
    timeout_left: float = 0
    started: int = 0
    cells: int = 0
    cancelling: bool = False
    verdict: str | None = None
    lease: LeasedTask | None = None
    stale: list = field(default_factory=list)

    @property
    def order(self):
        return -self.task.priority, self.task.evaluation_id

    @property
    def place(self):
        return self.task.lane, self.task.tenant

    def end(self, verdict):
        self.stale.append(self.lease)
        self.state, self.verdict, self.lease = "done", verdict, None

    def fault(self, reason, started, *, delayed=True):
        if self.cancelling:
            return self.end("cancelled")
        self.started += started
        self.cells += started and reason == "cell_lost"
        if started and reason == "cell_lost" and self.cells == 2:
            return self.end("runtime_error")
        if started and self.started == 3:
            return self.end("internal_error")
        self.stale.append(self.lease)
        self.state, self.lease = "queued", None
        self.ready_in = DELAY_S if delayed else 0
        self.timeout_left = TIMEOUT_S if started else self.timeout_left
        return None


class Driver:
    """Takes each step at a replica and in the model, and compares what they answer."""

    def __init__(self, replicas, owner, make):
        self.replicas, self.owner, self.make = replicas, owner, make
        self.models = [self.new(i) for i in range(18)]
        self.paused = set()
        self.ended = {}
        self.dismissed = []

    def new(self, number):
        delayed = number % 7 == 6
        later = {"run_at": iso(now() + SECOND * DELAY_S)} if delayed else {}
        lane = "batch" if number // 3 % 2 else "interactive"
        task = self.make.task(f"t{number % 3}", lane=lane, priority=number % 2, queue_timeout_s=TIMEOUT_S, **later)
        return Model(task, ready_in=DELAY_S if delayed else 0)

    async def take(self, name, replica, *arguments):
        queue = self.replicas[replica]
        if name in ON_A_TASK or name == "fail":
            arguments = (self.models[arguments[0] % len(self.models)], *arguments[1:])
        await getattr(self, name)(queue, *arguments)
        await self.check()

    async def enqueue(self, queue, model):
        answer = await queue.enqueue(model.task)
        assert answer.accepted == (model.state == "new")
        if model.state == "new":
            model.state = "queued"
            model.timeout_left = TIMEOUT_S + model.ready_in
            await self.settle()

    async def settle(self):
        """Real time goes on too, and backoff has its chance: put what is not due where the model has it."""
        for model in self.models:
            if model.state == "queued" and model.ready_in > 0:
                await self.owner.execute(
                    "UPDATE queue.task SET run_at = now() + make_interval(secs => $2) WHERE evaluation_id = $1",
                    model.task.evaluation_id,
                    model.ready_in,
                )

    def running(self):
        return Counter(m.place for m in self.models if m.state == "leased")

    def leasable(self):
        full = sum(m.state == "leased" and m.task.lane == "batch" for m in self.models) >= BATCH_MAX_RUNNING
        closed = self.paused | ({"batch"} if full else set())
        return [m for m in self.models if m.state == "queued" and m.ready_in <= 0 and m.task.lane not in closed]

    async def lease(self, queue, slots):
        could, before = self.leasable(), self.running()
        leased = await queue.lease(slots)
        by_id = {m.task.evaluation_id: m for m in could}
        given = [by_id.pop(task.evaluation_id) for task in leased]  # each was free to be leased, and only once
        assert len(given) <= slots
        assert bool(given) == bool(could)
        for model, task in zip(given, leased, strict=True):
            model.state, model.lease, model.lease_left = "leased", task, LEASE_S
        assert sum(n for (lane, _), n in self.running().items() if lane == "batch") <= BATCH_MAX_RUNNING
        self.check_order(given, self.leasable(), before, slots)

    def check_order(self, given, left, before, slots):
        running = self.running()
        for got in given:
            for waits in left:
                if got.place == waits.place:
                    assert got.order < waits.order
                elif got.task.lane == waits.task.lane:
                    assert running[got.place] <= running[waits.place] + 1
                elif before[waits.place] < slots:  # a tenant with more running may be looked at in the next lease only
                    assert got.task.lane == "interactive"

    async def heartbeat(self, queue, model):
        if model.state == "leased":
            answer = await queue.heartbeat(model.lease)
            assert bool(answer.cancelled) == model.cancelling
            assert not answer.lost
            model.lease_left = LEASE_S

    async def complete(self, queue, model):
        if model.state != "leased":
            return
        if model.cancelling:
            assert await raised(queue.complete(model.lease)) is CancelledConflictError
        else:
            await queue.complete(model.lease)
        model.end("cancelled" if model.cancelling else "accepted")

    async def stale(self, queue, model):
        for lease in filter(None, model.stale):
            assert (await queue.heartbeat(lease)).lost
            if model.state != "done":
                assert await raised(queue.complete(lease)) is LeaseLostError
                assert await raised(queue.fail(lease)) is LeaseLostError

    async def cancel(self, queue, model):
        (answer,) = await queue.cancel(model.task.evaluation_id)
        done = "cancelled" if model.verdict == "cancelled" else "finished"
        assert answer == {"new": "unknown", "queued": "cancelled", "leased": "cancelling", "done": done}[model.state]
        if model.state == "queued":
            model.end("cancelled")
        model.cancelling |= model.state == "leased"

    async def fail(self, queue, model, reason, started):
        if model.state == "leased":
            answer = await queue.fail(model.lease, reason, started=started)
            model.fault(reason, started)
            assert answer == ("done" if model.state == "done" else "retrying")
            await self.settle()

    async def goodbye(self, queue, model):
        if model.state == "leased":
            await queue.goodbye(model.lease)
            model.fault("worker_leaving", started=False, delayed=False)

    async def clock(self, _, seconds):
        await self.owner.execute(
            "UPDATE queue.task SET run_at = run_at - $1::interval, lease_until = lease_until - $1::interval,"
            " deadline_at = deadline_at - $1::interval",
            SECOND * seconds,
        )
        for model in self.models:
            if model.state in {"queued", "leased"}:
                model.ready_in -= seconds
                model.lease_left -= seconds
                model.timeout_left -= seconds

    async def reap(self, queue):
        overdue = [m for m in self.models if m.state == "queued" and m.timeout_left < 0]
        expired = [m for m in self.models if m.state == "leased" and m.lease_left < 0]
        faults = queue.service.leasing._faults
        assert (await faults.reap_overdue(), await faults.reap_expired()) == (len(overdue), len(expired))
        for model in overdue:
            model.end("internal_error")
        for model in expired:
            model.fault("worker_lost", started=True)
        await self.settle()

    async def pause(self, queue, lane):
        await self.set_paused(queue, lane, "pause")
        self.paused.add(lane)

    async def resume(self, queue, lane):
        await self.set_paused(queue, lane, "resume")
        self.paused.discard(lane)

    async def set_paused(self, queue, lane, word):
        async with queue.people() as http:
            assert (await http.post(f"/queue/v1/lanes/{lane}/{word}")).json()["paused"] == (word == "pause")

    async def replay(self, queue, model):
        async with queue.people() as http:
            ids = {"evaluation_ids": [str(model.task.evaluation_id)]}
            answer = (await http.post("/queue/v1/dead:dismiss", json=ids)).json()
        letter = model.verdict == "internal_error" and model not in self.dismissed
        assert answer == {"dismissed": int(letter)}
        if letter:
            self.dismissed.append(model)
            self.models.append(self.new(len(self.models)))
            await self.enqueue(queue, self.models[-1])

    async def check(self):
        """Nothing is lost, nothing that ended changes, and what runs is held under the lease that was given last."""
        rows = await self.owner.fetch("SELECT evaluation_id, verdict, lease_id, record FROM queue.result")
        ended = {row["evaluation_id"]: tuple(row) for row in rows}
        assert {i: ended.get(i) for i in self.ended} == self.ended
        self.ended = ended
        rows = await self.owner.fetch("SELECT evaluation_id, lease_id FROM queue.task")
        leases = {row["evaluation_id"]: row["lease_id"] for row in rows}
        for model in self.models:
            key = model.task.evaluation_id
            assert (ended[key][1] if key in ended else None) == model.verdict
            assert (key in leases) == (model.state in {"queued", "leased"})
            assert leases.get(key) == (model.lease.lease_id if model.lease else None)


async def raised(call):
    try:
        await call
    except ClocheError as error:
        return type(error)
    return None


@pytest.fixture
async def replicas(start_queue, owner):
    """Two services on the same tables, neither of which reaps by itself."""
    await owner.execute("SELECT pg_advisory_lock(hashtextextended('cloche.queue.reaper', 0))")
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(start_queue(lanes=LANES)) for _ in range(2)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=20, max_size=60))
async def test_whatever_the_order_of_calls_tasks_end_once_and_shares_are_fair(replicas, owner, make, steps):
    await owner.execute(
        "DELETE FROM queue.task; DELETE FROM queue.known; DELETE FROM queue.result;UPDATE queue.lane SET paused = false"
    )
    driver = Driver(replicas, owner, make)
    for model in driver.models[:15]:
        await driver.enqueue(replicas[0], model)
    for step in [("lease", 0, 3), *steps]:
        await driver.take(*step)
