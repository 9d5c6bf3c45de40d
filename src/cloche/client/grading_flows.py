"""Several programs and their rewards, as flows without I/O."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias
from uuid import UUID

from cloche.client.flows import WAIT_S, Emit, Flow, Flows
from cloche.contracts.evaluation import Evaluation
from cloche.contracts.submission import MOST_IN_GROUP, EvaluationRequest

#: A program: its source in Python, or all that is to be said of it.
Runnable: TypeAlias = str | EvaluationRequest

#: Verdicts that say nothing of the program.
UNGRADABLE: Final = frozenset({"internal_error", "cancelled"})
_PUT_TOGETHER: Final = frozenset({"key", "prefix", "suffix"})


@dataclass(frozen=True, slots=True)
class GradingFlows:
    """The flows of one server about several programs at once. They raise as ``Flows``."""

    flows: Flows

    def run_all(self, programs: Iterable[Runnable], concurrency: int) -> Flow[None]:
        """Emits each program's finished ``Evaluation``, in order; at most ``concurrency`` are submitted meanwhile."""
        left = (as_request(program) for program in programs)
        waiting: deque[UUID] = deque()
        more = True
        while more or waiting:
            if more and len(waiting) <= concurrency // 2:
                group = list(islice(left, min(MOST_IN_GROUP, concurrency - len(waiting))))
                more = bool(group)
                if group:
                    waiting += yield from self.flows.submit_group(group, None)
            if waiting:
                yield Emit((yield from self.finished(waiting.popleft())))

    def finished(self, evaluation_id: UUID) -> Flow[Evaluation]:
        """The evaluation once it is finished, however long that takes."""
        while True:
            evaluation = yield from self.flows.get(evaluation_id, WAIT_S)
            if evaluation.status == "finished":
                return evaluation

    def score(self, problem: Mapping[str, Any], samples: Sequence[str]) -> Flow[list[float | None]]:
        """The reward of each sample."""
        requests = iter([request_of(problem, sample) for sample in samples])
        waiting: list[UUID] = []
        while group := list(islice(requests, MOST_IN_GROUP)):
            waiting += yield from self.flows.submit_group(group, None)
        rewards: list[float | None] = []
        for each in waiting:
            evaluation = yield from self.finished(each)
            rewards.append(reward(evaluation))
        return rewards


def as_request(program: Runnable) -> EvaluationRequest:
    """Source alone is Python's."""
    return EvaluationRequest(runtime="python", source=program) if isinstance(program, str) else program


def request_of(problem: Mapping[str, Any], sample: str) -> EvaluationRequest:
    """One sample of a problem, which says what ``POST /api/v1/problems`` takes; it runs Python unless it says."""
    said = {name: value for name, value in problem.items() if name not in _PUT_TOGETHER}
    source = f"{problem.get('prefix', '')}{sample}{problem.get('suffix', '')}"
    return EvaluationRequest.model_validate({"runtime": "python", **said, "source": source})


def reward(evaluation: Evaluation) -> float | None:
    """From 0 to 1: the score of its cases, else whether it was accepted; None where the platform failed."""
    if evaluation.verdict in UNGRADABLE:
        return None
    return float(evaluation.verdict == "accepted") if evaluation.score is None else evaluation.score
