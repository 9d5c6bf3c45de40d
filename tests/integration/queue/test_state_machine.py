"""Any order of calls against a model: every task ends exactly once, and only its holder decides."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloche.contracts.tasks import NewTask
from cloche.kit.errors import CancelledConflictError, ClocheError, LeaseLostError
from cloche.kit.ids import uuid7

TASKS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["enqueue", "cancel", "complete", "stale", "goodbye", "expire", "heartbeat"]), TASKS),
    st.tuples(st.just("lease"), st.integers(1, 3)),
    st.tuples(st.just("fail"), TASKS, st.sampled_from(["engine_error", "cell_lost"]), st.booleans()),
)


@dataclass
class Model:
    """What should hold for one task."""

    task: NewTask
    state: str = "new"
    started: int = 0
    cells: int = 0
    cancelling: bool = False
    verdict: str | None = None
    lease: object = None
    stale: list = field(default_factory=list)

    def end(self, verdict):
        self.stale.append(self.lease)
        self.state, self.verdict, self.lease = "done", verdict, None

    def fault(self, reason, started):
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
        return None


class Driver:
    """Takes each step at the service and in the model, and compares what they answer."""

    def __init__(self, queue, owner, make):
        self.queue, self.owner, self.make = queue, owner, make
        self.runtime = f"r{uuid7().hex}"
        self.offers = [make.offer(runtimes=[(self.runtime, "1")])]
        self.models = [Model(make.task(f"t{i}", runtime=self.runtime)) for i in range(3)]

    async def take(self, name, *arguments):
        if name == "lease":
            return await self.lease(*arguments)
        return await getattr(self, name)(self.models[arguments[0]], *arguments[1:])

    async def enqueue(self, model):
        answer = await self.queue.enqueue(model.task)
        assert answer.accepted == (model.state == "new")
        if model.state == "new":
            model.state = "queued"

    async def lease(self, slots):
        await self.owner.execute("UPDATE queue.task SET run_at = now() WHERE runtime = $1", self.runtime)
        leased = await self.queue.lease(slots, offers=self.offers)
        waiting = [m for m in self.models if m.state == "queued"]
        assert len(leased) == min(slots, len(waiting))
        for task in leased:
            (model,) = [m for m in waiting if m.task.evaluation_id == task.evaluation_id]
            model.state, model.lease = "leased", task

    async def heartbeat(self, model):
        if model.state == "leased":
            answer = await self.queue.heartbeat(model.lease)
            assert bool(answer.cancelled) == model.cancelling
            assert not answer.lost

    async def complete(self, model):
        if model.state != "leased":
            return
        if model.cancelling:
            assert await raised(self.queue.complete(model.lease)) is CancelledConflictError
        else:
            await self.queue.complete(model.lease)
        model.end("cancelled" if model.cancelling else "accepted")

    async def stale(self, model):
        for lease in filter(None, model.stale):
            assert (await self.queue.heartbeat(lease)).lost
            if model.state != "done":
                assert await raised(self.queue.complete(lease)) is LeaseLostError

    async def cancel(self, model):
        (answer,) = await self.queue.cancel(model.task.evaluation_id)
        done = "cancelled" if model.verdict == "cancelled" else "finished"
        assert answer == {"new": "unknown", "queued": "cancelled", "leased": "cancelling", "done": done}[model.state]
        if model.state == "queued":
            model.end("cancelled")
        model.cancelling |= model.state == "leased"

    async def fail(self, model, reason, started):
        if model.state == "leased":
            answer = await self.queue.fail(model.lease, reason, started=started)
            model.fault(reason, started)
            assert answer == ("done" if model.state == "done" else "retrying")

    async def goodbye(self, model):
        if model.state == "leased":
            await self.queue.goodbye(model.lease)
            model.fault("worker_leaving", started=False)

    async def expire(self, model):
        if model.state == "leased":
            await self.owner.execute(
                "UPDATE queue.task SET lease_until = now() - interval '1 s' WHERE evaluation_id = $1",
                model.task.evaluation_id,
            )
            await self.queue.service.leasing._faults.reap_expired()
            model.fault("worker_lost", started=True)

    async def check(self):
        rows = await self.owner.fetch("SELECT evaluation_id, verdict FROM queue.result")
        verdicts = {row["evaluation_id"]: row["verdict"] for row in rows}
        open_ids = {row["evaluation_id"] for row in await self.owner.fetch("SELECT evaluation_id FROM queue.task")}
        for model in self.models:
            assert verdicts.get(model.task.evaluation_id) == model.verdict
            assert (model.task.evaluation_id in open_ids) == (model.state in {"queued", "leased"})


async def raised(call):
    try:
        await call
    except ClocheError as error:
        return type(error)
    return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
async def test_every_task_ends_exactly_once_whatever_the_order_of_calls(queue, owner, make, steps):
    driver = Driver(queue, owner, make)
    for model in driver.models[:2]:
        await driver.enqueue(model)
    await driver.lease(1)
    for step in steps:
        await driver.take(*step)
    await driver.check()
