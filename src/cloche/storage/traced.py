"""The storage worker's spans: a batch is a trace of its own, each verdict's part of it lies in its evaluation's."""

from collections.abc import Sequence
from datetime import datetime

from cloche.kit import tracing
from cloche.kit.logs import get_logger
from cloche.storage.settle import Verdict

log = get_logger()


def note_stored(verdicts: Sequence[Verdict], begun: datetime) -> None:
    """These are committed, in a batch that was begun then; of repeats there is nothing to tell."""
    verdicts = [verdict for verdict in verdicts if verdict.is_new]
    for verdict in verdicts:
        record = verdict.record
        log.debug(
            "evaluation.stored",
            evaluation_id=str(verdict.evaluation_id),
            attempt=record.attempt,
            verdict=record.verdict,
        )
    if not verdicts or not tracing.is_on():
        return
    places = [verdict.record.trace_parent for verdict in verdicts]
    batch = tracing.past("store batch", begun, parent="", links=places, verdicts=len(verdicts))
    for verdict in verdicts:
        record = verdict.record
        if record.trace_parent is not None:
            tracing.past(
                "store",
                begun,
                kind="consumer",
                parent=record.trace_parent,
                links=[batch],
                evaluation_id=verdict.evaluation_id,
                attempt=record.attempt,
                verdict=record.verdict,
            )
