"""From the lines of one upload to checked problems and samples. Asks the catalogue; stores nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from cloche.api.batches.layers import Own, canonical, content_id, make_frame, merge, own_part
from cloche.api.checks import Catalogue, check_submission
from cloche.api.settings import ApiSettings
from cloche.contracts.batches import MOST_IN_BATCH, BatchHead, ProblemReference, ProblemRequest, SampleRequest
from cloche.contracts.submission import EvaluationRequest, Program
from cloche.kit import tracing
from cloche.kit.clock import now
from cloche.kit.errors import InvalidRequestError, NotFoundError
from cloche.kit.http_app import validation_error
from cloche.kit.ids import uuid7

#: The batch says these, or nobody.
_NOT_IN_LAYERS: Final = frozenset({"lane", "run_at"})
#: What is a problem's: a sample can't change what it is graded by.
_NOT_IN_SAMPLES: Final = frozenset({"cases", "tests"})
#: Of a sample that says no more than this, nothing but its size can be wrong.
_PLAIN: Final = frozenset({"problem", "sample", "source", "name", "labels"})

T = TypeVar("T", bound=BaseModel)


class Rules(Protocol):
    """What is asked while lines are read."""

    settings: ApiSettings

    @property
    def lanes(self) -> Collection[str]:
        """The queue's lanes."""
        ...

    async def catalogue(self, wanted: str) -> Catalogue:
        """What is offered."""
        ...

    async def stored_problem(self, tenant: str, problem_id: bytes) -> bytes | None:
        """The body of a problem that was stored before."""
        ...


@dataclass(frozen=True, slots=True)
class NewProblem:
    """A problem of the batch, to be stored unless it is; ``body`` is None where it was referred to."""

    number: int
    key: str
    id: bytes
    body: bytes | None
    cases: int
    frame_id: bytes
    frame: bytes
    forgeable: bool


@dataclass(frozen=True, slots=True)
class NewSample:
    """An evaluation to be stored; ``task`` is the NewTask JSON without its program."""

    id: UUID
    line: int
    problem_number: int
    sample: int
    repeat: int
    name: str
    labels: str
    runtime: str
    own: bytes
    task: bytes
    priority: int
    queue_timeout_s: int
    rerun_of: UUID | None = None


@dataclass(slots=True)
class _Known:
    """What is remembered of a problem while its samples come; nothing that is large."""

    number: int
    layer: dict[str, Any]
    frame: dict[str, Any]
    program: Program
    priority: int
    queue_timeout_s: int
    around: tuple[str, str]
    own_files: list[dict[str, Any]]
    shared_bytes: int
    next_sample: int = 0


@dataclass(slots=True)
class Intake:
    """The lines of one upload, in their order. What it holds grows with the problems, not with the samples."""

    tenant: str
    rules: Rules
    head: BatchHead | None = None
    total: int = 0
    _defaults: dict[str, Any] = field(default_factory=dict[str, Any])
    _known: dict[str, _Known] = field(default_factory=dict[str, _Known])
    _last_id: int = 0

    def take_head(self, raw: dict[str, Any]) -> BatchHead:
        """The first line.

        Raises:
            InvalidRequestError: a field is wrong.
        """
        head = read(BatchHead, raw)
        self._defaults = raw.get("defaults") or {}
        _refuse_fields(self._defaults, _NOT_IN_LAYERS | {"source"}, "the batch's, not its defaults'")
        if head.lane not in self.rules.lanes:
            there = ", ".join(sorted(self.rules.lanes))
            raise InvalidRequestError(f"lane: there is no lane {head.lane}; there are: {there}"[:300])
        self.head = head
        return head

    async def take_problem(self, raw: dict[str, Any]) -> NewProblem:
        """A problem, whose samples may follow. Raises as ``take_head``."""
        body = None
        if "id" in raw:
            reference = read(ProblemReference, raw)
            problem_id = bytes.fromhex(reference.id)
            stored = await self.rules.stored_problem(self.tenant, problem_id)
            if stored is None:
                raise NotFoundError(f"There is no problem {reference.id}.")
            raw = orjson.loads(stored)
            key = reference.key or raw["key"]
        else:
            key, body = read(ProblemRequest, raw).key, canonical(raw)
            problem_id = content_id(body)
        if key in self._known:
            raise InvalidRequestError(f"there are two problems {key!r}")
        checked = await check_problem(raw, self._defaults, self.rules)
        number = len(self._known)
        self._known[key] = _remember(checked, number, merge([self._defaults, raw]))
        tests: dict[str, Any] = checked.frame.get("tests") or {}
        return NewProblem(
            number=number,
            key=key,
            id=problem_id,
            body=body,
            cases=len(checked.program.cases),
            frame_id=content_id(checked.encoded),
            frame=checked.encoded,
            forgeable=tests.get("grading") == "inline" or bool(raw.get("suffix")),
        )

    async def take_sample(self, raw: dict[str, Any], line: int) -> list[NewSample]:
        """An evaluation, once for each repeat. Raises as ``take_head``."""
        assert self.head is not None
        request = read(SampleRequest, raw)
        _refuse_fields(raw, _NOT_IN_LAYERS | _NOT_IN_SAMPLES, "not a sample's")
        known = self._known.get(request.problem)
        if known is None:
            raise InvalidRequestError(f"there is no problem {request.problem!r} before this")
        if self.total + self.head.repeat > MOST_IN_BATCH:
            raise InvalidRequestError(f"a batch has at most {MOST_IN_BATCH} evaluations, repeats included")
        own, program = await self._own(request, raw, known)
        sample = known.next_sample if request.sample is None else request.sample
        known.next_sample = max(known.next_sample, sample + 1)
        labels = {**known.layer.get("labels", {}), **request.labels}
        priority = request.priority if "priority" in raw else known.priority
        timeout_s = request.queue_timeout_s if "queue_timeout_s" in raw else known.queue_timeout_s
        self.total += self.head.repeat
        encoded = own.encode()
        return [
            NewSample(
                id=(one := self._new_id()),
                line=line,
                problem_number=known.number,
                sample=sample,
                repeat=repeat,
                name=request.name,
                labels=orjson.dumps(labels).decode(),
                runtime=program.runtime,
                own=encoded,
                task=new_task(one, self.tenant, self.head.lane, priority, timeout_s, program),
                priority=priority,
                queue_timeout_s=timeout_s,
            )
            for repeat in range(self.head.repeat)
        ]

    async def _own(self, request: SampleRequest, raw: dict[str, Any], known: _Known) -> tuple[Own, Program]:
        settings = self.rules.settings
        if raw.keys() <= _PLAIN:
            source = request.source or ""
            size = len(source.encode()) + known.shared_bytes
            if size > settings.max_source_bytes:
                limit = settings.max_source_bytes
                raise InvalidRequestError(f"source: the program has {size} bytes, at most {limit} are allowed")
            if "\0" in request.name or any("\0" in text for pair in request.labels.items() for text in pair):
                raise InvalidRequestError("name and labels must not hold NUL")
            entry = known.program.entrypoint
            return Own([{"path": entry, "content": source}], entry, {}), known.program
        if request.files is not None and any(known.around):
            raise InvalidRequestError("files: this problem has a prefix or suffix, so give 'source'")
        layer = merge([known.layer, {k: v for k, v in raw.items() if k not in {"problem", "sample", "files"}}])
        source = None if request.source is None else request.source.join(known.around)
        program = await check_program(layer, source, raw.get("files") or [], known.own_files, self.rules)
        files = raw.get("files") or [{"path": program.entrypoint, "content": request.source or ""}]
        return own_part(program, known.frame, files), program

    def _new_id(self) -> UUID:
        """Ids grow in the order of the lines."""
        self._last_id = max(uuid7().int, self._last_id + 1)
        return UUID(int=self._last_id)


@dataclass(frozen=True, slots=True)
class CheckedProblem:
    """A problem that could run: its program without a sample, and the frame of all its samples."""

    program: Program
    request: EvaluationRequest
    encoded: bytes
    frame: dict[str, Any]


async def check_problem(raw: Mapping[str, Any], defaults: Mapping[str, Any], rules: Rules) -> CheckedProblem:
    """Raises: InvalidRequestError, with what is wrong."""
    _refuse_fields(raw, _NOT_IN_LAYERS, "the batch's, not a problem's")
    layer = merge([defaults, raw])
    files: list[dict[str, Any]] = layer.pop("files", [])
    prefix, suffix = layer.get("prefix", ""), layer.get("suffix", "")
    program = await check_program(layer, f"{prefix}{suffix}", [], files, rules)
    encoded = make_frame(program, files, prefix, suffix)
    return CheckedProblem(program, _request({**layer, "source": ""}), encoded, orjson.loads(encoded))


async def check_program(
    layer: Mapping[str, Any],
    source: str | None,
    own_files: list[dict[str, Any]],
    shared_files: list[dict[str, Any]],
    rules: Rules,
) -> Program:
    """The program of ``layer`` with these files. Raises as ``check_problem``."""
    said = {k: v for k, v in layer.items() if k not in {"files", "source"}}
    catalogue = await rules.catalogue(str(said.get("runtime", "")))
    if source is not None:
        program = check_submission(_request({**said, "source": source}), catalogue, rules.lanes, rules.settings)
        if not shared_files:
            return program
        said["entrypoint"] = program.entrypoint
        own_files = [{"path": program.entrypoint, "content": source}]
    files = [*own_files, *shared_files]
    return check_submission(_request({**said, "files": files}), catalogue, rules.lanes, rules.settings)


def new_task(
    evaluation_id: UUID, tenant: str, lane: str, priority: int, queue_timeout_s: int, program: Program
) -> bytes:
    """The NewTask JSON without its program."""
    return orjson.dumps(
        {
            "evaluation_id": evaluation_id,
            "tenant": tenant,
            "lane": lane,
            "priority": priority,
            "runtime": program.runtime,
            "isolation": program.isolation,
            "queue_timeout_s": queue_timeout_s,
            "trace_parent": _trace_of(evaluation_id),
        }
    )


def _trace_of(evaluation_id: UUID) -> str | None:
    """A trace of its own: a batch in one would help nobody."""
    return tracing.past("submit", now(), parent="", links=[tracing.place()], evaluation_id=evaluation_id)


def read(model: type[T], raw: object) -> T:
    """``raw`` as a model. Raises: InvalidRequestError, naming each field."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False, include_input=False)) from None


def _request(said: Mapping[str, Any]) -> EvaluationRequest:
    fields = EvaluationRequest.model_fields
    return read(EvaluationRequest, {k: v for k, v in said.items() if k in fields and k not in _NOT_IN_LAYERS})


def _refuse_fields(raw: Mapping[str, Any], names: Collection[str], whose: str) -> None:
    if wrong := sorted(raw.keys() & names):
        raise InvalidRequestError(f"{', '.join(wrong)}: {whose}")


def _remember(checked: CheckedProblem, number: int, layer: dict[str, Any]) -> _Known:
    files: list[dict[str, Any]] = layer.pop("files", [])
    around = (layer.pop("prefix", ""), layer.pop("suffix", ""))
    program = checked.program
    light: dict[str, Any] = {"cases": [], "files": [], "tests": None}
    return _Known(
        number=number,
        layer={k: v for k, v in layer.items() if k not in _NOT_IN_SAMPLES and k != "key"},
        frame={k: v for k, v in checked.frame.items() if k not in {"cases", "tests", "files", "prefix", "suffix"}},
        program=program.model_copy(update=light),
        priority=checked.request.priority,
        queue_timeout_s=checked.request.queue_timeout_s,
        around=around,
        own_files=files,
        shared_bytes=sum(len(text.encode()) for text in around) + sum(len(str(f["content"]).encode()) for f in files),
    )
