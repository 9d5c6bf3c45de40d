"""Taking a batch's lines in: in chunks, each stored once, whoever dies in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, cast
from uuid import UUID

import orjson

from cloche.api.batches.intake import Intake, NewProblem, NewSample, Rules
from cloche.api.batches.layers import canonical
from cloche.api.batches.ndjson import Line, parse_object
from cloche.api.batches.store import BatchStore, Chunk, NewBatch, OvertakenError, RepeatedPlaceError, Stored
from cloche.contracts.batches import BadLine
from cloche.contracts.problem import FieldProblem
from cloche.kit.errors import ConflictError, InvalidRequestError, NotFoundError
from cloche.kit.ids import uuid7
from cloche.kit.postgres import UNAVAILABLE

#: A transaction stores so many evaluations, or fewer that are large.
CHUNK: Final = 500
_CHUNK_BYTES: Final = 4 * 1024 * 1024
#: What came is stored after so long, though it be less.
_CHUNK_S: Final = 1.0
#: Others get their turn after so many lines.
_LINES_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that was understood, or what is wrong with it; waits for its chunk."""

    line: Line
    problem: NewProblem | None = None
    samples: list[NewSample] = field(default_factory=list[NewSample])
    wrong: str | None = None


class Upload:
    """One request that uploads a batch. With an Idempotency-Key it goes on where another one ended."""

    def __init__(
        self,
        store: BatchStore,
        rules: Rules,
        note_stored: Callable[[int], None],
        *,
        tenant: str,
        key: str | None,
        partial: bool,
    ) -> None:
        self._store = store
        self._note_stored = note_stored
        self._tenant = tenant
        self._key = key
        self._partial = partial
        self._limit = rules.settings.max_body_bytes
        self._intake = Intake(tenant, rules)
        self._new: NewBatch | None = None
        self._stored: Stored | None = None
        self._waiting: list[Taken] = []
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        self._last: Line | None = None
        self._places: set[tuple[int, int]] | None = None

    async def run(self, lines: AsyncIterator[Line], *, whole: bool = False) -> UUID:
        """Take all of ``lines``; the batch's id. With ``whole`` nothing is stored before all of them are right.

        Raises:
            InvalidRequestError: a line is wrong; what was stored is refused. Or the key was used with other lines.
            ConflictError: the batch was cancelled meanwhile.
        """
        self._places = set() if whole else None
        if self._key is not None:
            self._stored = await self._store.upload_of(self._tenant, None, self._key)
        try:
            await self._take_all(lines, whole=whole)
        except InvalidRequestError as error:
            await self._give_up(error)
            raise
        except (*UNAVAILABLE, OvertakenError):
            raise
        except BaseException:
            if self._key is None and self._stored is not None:
                await asyncio.shield(self._store.refuse(self._stored.batch_id, "The upload broke off."))
            raise
        assert self._stored is not None
        return self._stored.batch_id

    async def _take_all(self, lines: AsyncIterator[Line], *, whole: bool) -> None:
        count = 0
        async for line in lines:
            await self._take(line)
            count += 1
            if count % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
            if not whole and self._is_chunk():
                await self._flush(final=False)
        if self._last is None:
            raise InvalidRequestError("The body is empty: the first line is the batch's head.")
        if self._stored is not None and self._stored.received:
            if self._last.number < self._stored.lines:
                raise _other_body()
            return
        if self._intake.total == 0:
            raise InvalidRequestError("The batch has no evaluations.")
        await self._flush(final=True)

    def _is_chunk(self) -> bool:
        waiting = self._waiting
        if not waiting:
            return False
        enough = len(waiting) >= CHUNK or self._waiting_bytes >= _CHUNK_BYTES
        return enough or time.monotonic() - self._waiting_since > _CHUNK_S

    async def _take(self, line: Line) -> None:
        self._last = line
        stored = self._stored
        if stored is not None:
            if line.number == stored.lines and line.digest != stored.digest:
                raise _other_body()
            if stored.received:
                if line.number > stored.lines:
                    raise _other_body()
                return
        taken = await self._understand(line)
        if stored is not None and line.number <= stored.lines:
            return
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(taken)
        self._waiting_bytes += len(line.data or b"")

    async def _understand(self, line: Line) -> Taken:
        try:
            raw = parse_object(line.data, self._limit)
            if self._intake.head is None:
                self._begin(raw)
                return Taken(line)
            problem: Any = raw.get("problem")
            if isinstance(problem, dict) and raw.keys() == {"problem"}:
                return Taken(line, problem=await self._intake.take_problem(cast("dict[str, Any]", problem)))
            samples = await self._intake.take_sample(raw, line.number)
            self._check_place(samples[0])
            return Taken(line, samples=samples)
        except (InvalidRequestError, NotFoundError) as error:
            if self._partial and self._intake.head is not None:
                return Taken(line, wrong=error.detail)
            raise _wrong_line(line.label, error.detail) from None

    def _check_place(self, sample: NewSample) -> None:
        """While nothing is stored yet, the database finds no repeat."""
        if self._places is not None:
            place = (sample.problem_number, sample.sample)
            if place in self._places:
                raise RepeatedPlaceError([sample])
            self._places.add(place)

    def _begin(self, raw: dict[str, Any]) -> None:
        wrapped: Any = raw.get("batch")
        if raw.keys() == {"batch"} and isinstance(wrapped, dict):
            raw = cast("dict[str, Any]", wrapped)
        head = self._intake.take_head(raw)
        batch_id = self._stored.batch_id if self._stored else uuid7()
        self._new = NewBatch(batch_id, self._tenant, head, canonical(raw), self._key)

    async def _flush(self, *, final: bool) -> None:
        assert self._new is not None
        while self._waiting or (final and self._stored is not None and not self._stored.received):
            taken = self._waiting[:CHUNK]
            chunk = self._chunk(taken, final=final and len(taken) == len(self._waiting))
            try:
                await self._store.add(self._new, chunk, begin=self._stored is None)
            except OvertakenError:
                await self._catch_up()
            except RepeatedPlaceError as error:
                self._repeated(error)
            else:
                self._stored = Stored(self._new.id, chunk.lines, chunk.digest, chunk.final)
                del self._waiting[: len(taken)]
                self._note_stored(len(chunk.samples))
        self._waiting_bytes = 0

    def _chunk(self, taken: list[Taken], *, final: bool) -> Chunk:
        before = self._stored or Stored(uuid7())
        last = taken[-1].line if taken else None
        return Chunk(
            after=before.lines,
            lines=last.number if last else before.lines,
            digest=last.digest if last else before.digest,
            problems=[t.problem for t in taken if t.problem],
            samples=[sample for t in taken for sample in t.samples],
            bad=[BadLine(line=t.line.number, message=t.wrong[:300]) for t in taken if t.wrong],
            final=final,
        )

    async def _catch_up(self) -> None:
        """Another request stored lines meanwhile: go on behind them, if they are the same."""
        assert self._new is not None
        known = self._stored.batch_id if self._stored else None
        stored = await self._store.upload_of(self._tenant, known, None if known else self._key)
        if stored is None or stored.cancelled:
            raise ConflictError("The batch was cancelled, or its upload was refused.")
        self._new = replace(self._new, id=stored.batch_id)
        self._stored = stored
        for taken in self._waiting:
            if taken.line.number == stored.lines and taken.line.digest != stored.digest:
                raise _other_body()
        self._waiting = [t for t in self._waiting if t.line.number > stored.lines]
        if stored.received and self._waiting:
            raise _other_body()

    def _repeated(self, error: RepeatedPlaceError) -> None:
        if not self._partial:
            label = next(t.line.label for t in self._waiting if t.line.number == error.lines[0])
            raise _wrong_line(label, error.detail) from None
        wrong = set(error.lines)
        self._waiting = [Taken(t.line, wrong=error.detail) if t.line.number in wrong else t for t in self._waiting]

    async def _give_up(self, error: InvalidRequestError) -> None:
        stored = self._stored
        if stored is None or stored.received or isinstance(error, _OtherBodyError):
            return
        await self._store.refuse(stored.batch_id, error.detail[:500])
        error.detail += f" What was stored of it, batch {stored.batch_id}, is refused and cancelled."


class _OtherBodyError(InvalidRequestError):
    """This Idempotency-Key was used with another body."""


def _other_body() -> InvalidRequestError:
    return _OtherBodyError()


def _wrong_line(label: str, why: str) -> InvalidRequestError:
    detail = f"{label[:1].upper()}{label[1:]}: {why}"
    return InvalidRequestError(detail, errors=[FieldProblem(field=label, message=why)])


async def lines_of(raw: bytes, body: dict[str, Any]) -> AsyncIterator[Line]:
    """A JSON body as the lines that would say the same; what is no list is one wrong line."""
    digest = sha256(raw).digest()
    head = {name: value for name, value in body.items() if name not in {"problems", "evaluations"}}
    lines: list[tuple[str, Any]] = [("body", head)]
    for name in ("problems", "evaluations"):
        entries: Any = body.get(name, [])
        if not isinstance(entries, list):
            raise InvalidRequestError(f"{name}: must be a list")
        for index, entry in enumerate(cast("list[Any]", entries)):
            lines.append((f"{name}.{index}", {"problem": entry} if name == "problems" else entry))
    for number, (label, line) in enumerate(lines, 1):
        yield Line(number, orjson.dumps(line), digest, label)
