"""Golden files fix every answer and event: what they hold decodes, and encodes to exactly the same again."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from cloche.contracts.evaluation import Evaluation, EvaluationPage, GapEvent, OutputEvent, RuntimesAnswer
from cloche.contracts.events import CaseFinished, Leased, Queued, Retried, Started
from cloche.contracts.execution import STREAM_LINE
from cloche.contracts.problem import Problem
from cloche.contracts.queue_view import DeadLetter, QueueStats
from cloche.contracts.record import TerminalRecord
from cloche.contracts.submission import EvaluationRequest
from cloche.contracts.tasks import ExecutorsAnswer

GOLDEN = Path(__file__).parent / "golden"
#: Messages as they were before a field came to them; parts of different age meet during an upgrade.
OLDER = {path.stem for path in (GOLDEN / "older").iterdir()}

ANSWERS: dict[str, type[BaseModel]] = {
    "evaluation": Evaluation,
    "evaluation-compile-error": Evaluation,
    "evaluation-time-limit": Evaluation,
    "page": EvaluationPage,
    "runtimes": RuntimesAnswer,
    "executors": ExecutorsAnswer,
    "queue-stats": QueueStats,
    "dead-letter": DeadLetter,
    "terminal-record": TerminalRecord,
}
EVENTS: dict[str, type[BaseModel]] = {
    "evaluation.queued": Queued,
    "evaluation.leased": Leased,
    "evaluation.started": Started,
    "evaluation.retried": Retried,
    "output": OutputEvent,
    "case.finished": CaseFinished,
    "gap": GapEvent,
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def again(model: type[BaseModel], value: Any, **options: Any) -> Any:
    return json.loads(model.model_validate_json(json.dumps(value)).model_dump_json(**options))


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_decodes_and_encodes_the_same(name: str):
    assert again(ANSWERS[name], golden(name)) == golden(name)


@pytest.mark.parametrize("event", golden("events"), ids=lambda event: event["event"])
def test_event_decodes_and_encodes_the_same(event: dict[str, Any]):
    encoded = again(EVENTS[event["event"]], event["data"], by_alias=True, exclude_none=event["event"] == "output")
    assert encoded == event["data"]


def test_every_kind_of_event_has_a_golden_one():
    assert {event["event"] for event in golden("events")} == set(EVENTS)


def test_problem_decodes_and_encodes_the_same():
    assert again(Problem, golden("problem"), exclude_none=True) == golden("problem")


def test_request_decodes_and_keeps_every_field_that_was_given():
    request = json.loads(EvaluationRequest.model_validate(golden("request")).model_dump_json())
    for name, value in golden("request").items():
        if name in {"limits", "compile_limits"}:
            assert request[name].items() >= value.items()
        else:
            assert request[name] == value


@pytest.mark.parametrize("line", golden("stream-lines"), ids=lambda line: line["type"])
def test_line_of_an_executor_decodes_and_encodes_the_same(line: dict[str, Any]):
    decoded = TypeAdapter(Any).dump_python(STREAM_LINE.validate_json(json.dumps(line)), mode="json")
    assert decoded == line


def without_older(shape: Any, older: Any) -> list[str]:
    """Where ``shape`` does not hold what ``older`` says; it may hold more."""
    if isinstance(older, dict):
        return [f"{key}.{at}" for key, value in older.items() for at in without_older(shape.get(key), value)]
    if isinstance(older, list):
        pairs = enumerate(zip(shape, older, strict=True))
        return [f"{index}.{at}" for index, (new, old) in pairs for at in without_older(new, old)]
    return [] if shape == older else [f"{older!r} became {shape!r}"]


@pytest.mark.parametrize("name", sorted(ANSWERS.keys() & OLDER))
def test_answer_of_an_older_version_still_decodes_and_loses_nothing(name: str):
    older = golden(f"older/{name}")
    assert without_older(again(ANSWERS[name], older), older) == []


@pytest.mark.parametrize("event", golden("older/events"), ids=lambda event: event["event"])
def test_event_of_an_older_version_still_decodes_and_loses_nothing(event: dict[str, Any]):
    assert without_older(again(EVENTS[event["event"]], event["data"], by_alias=True), event["data"]) == []


@pytest.mark.parametrize("line", golden("older/stream-lines"), ids=lambda line: line["type"])
def test_line_of_an_older_executor_still_decodes_and_loses_nothing(line: dict[str, Any]):
    decoded = TypeAdapter(Any).dump_python(STREAM_LINE.validate_json(json.dumps(line)), mode="json")
    assert without_older(decoded, line) == []
