"""The queue's spans: calls bring many tasks, and each task's part of it lies in the trace of its own evaluation."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from cloche.contracts.tasks import CompleteAnswer, CompleteRequest, FailRequest, NewTask
from cloche.kit import tracing
from cloche.kit.logs import get_logger
from cloche.kit.postgres import Row

log = get_logger()


def note_enqueued(tasks: Iterable[NewTask], begun: datetime, call: str | None) -> None:
    """These are queued; ``call`` is where the call that brought them lies in a trace."""
    tell = log.debug
    for task in tasks:
        tell("task.enqueued", evaluation_id=str(task.evaluation_id), lane=task.lane)
        if task.trace_parent is not None:
            tracing.past(
                "enqueue",
                begun,
                kind="producer",
                parent=task.trace_parent,
                links=[call],
                evaluation_id=task.evaluation_id,
                lane=task.lane,
            )


def note_leased(rows: Sequence[Row], call: str | None) -> dict[UUID, str | None]:
    """These are leased: their waiting as a span of each, below which its attempt goes on."""
    places: dict[UUID, str | None] = {}
    tell = log.debug
    for row in rows:
        evaluation_id, attempt = row["evaluation_id"], row["attempt"]
        tell("task.leased", evaluation_id=str(evaluation_id), attempt=attempt, lane=row["lane"])
        parent = row["trace_parent"]
        if parent is not None and tracing.is_on():
            places[evaluation_id] = tracing.past(
                "wait in queue",
                row["run_at"],
                parent=parent,
                links=[call],
                evaluation_id=evaluation_id,
                attempt=attempt,
                lane=row["lane"],
            )
    return places


def note_committed(requests: Iterable[CompleteRequest], begun: datetime, call: str | None) -> None:
    """The records of these are committed."""
    tell = log.debug
    for request in requests:
        record, evaluation_id = request.record, str(request.evaluation_id)
        tell("task.finished", evaluation_id=evaluation_id, attempt=record.attempt, verdict=record.verdict)
        if record.trace_parent is not None:
            tracing.past(
                "commit",
                begun,
                parent=record.trace_parent,
                links=[call],
                evaluation_id=evaluation_id,
                attempt=record.attempt,
                verdict=record.verdict,
            )


def note_failed(request: FailRequest, answer: CompleteAnswer, begun: datetime, call: str | None) -> None:
    """Another attempt follows, or the end was committed. The call is made for this task alone, from its attempt."""
    if call is not None:
        tracing.past("fail", begun, parent=call, evaluation_id=request.evaluation_id, state=answer.state)
