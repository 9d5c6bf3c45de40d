"""What an executor may say of one execution, and in which order. No I/O.

The executor stands next to hostile code, so its stream is treated as hostile: every line is
checked against the contract, the program's limits and the legal order. Sequence, attempt and
evaluation id never come from it.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import assert_never

from pydantic import ValidationError

from cloche.contracts.execution import (
    OUTPUT_CHUNK_BYTES,
    STREAM_LINE,
    CaseLine,
    FailedLine,
    FinishedLine,
    OutputLine,
    StartedLine,
    StreamLine,
)
from cloche.contracts.record import INLINE_OUTPUT_BYTES, CaseResult, ExecutionRecord, StreamSummary
from cloche.contracts.submission import Program
from cloche.contracts.words import STREAMS, Stream, Verdict, satisfies

#: A line holds at most a terminal record: two inline streams, the compiler's output, 1,000 cases.
MAX_LINE_BYTES = 4 * 1024 * 1024
_MAX_LINES_BEYOND_OUTPUT = 64


class MisbehaviourError(Exception):
    """The executor broke the contract; the message says how and holds nothing it sent."""


class StreamGuard:
    """Accepts the lines of one execution, one by one."""

    def __init__(self, program: Program) -> None:
        self._program = program
        #: Whether this worker asked for the run's end: only then may a verdict be ``cancelled``.
        self.kill_asked = False
        self._started: StartedLine | None = None
        self._over = False
        self._next_case = 0
        self._lines = 0
        self._ends: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        self._digests = {stream: hashlib.sha256() for stream in STREAMS}

    @property
    def started(self) -> bool:
        """Whether the program had begun."""
        return self._started is not None

    @property
    def over(self) -> bool:
        """Whether the last line came."""
        return self._over

    def accept(self, raw: bytes) -> StreamLine:
        """The line, if it is legal here.

        Raises:
            MisbehaviourError: it is not.
        """
        try:
            line = STREAM_LINE.validate_json(raw)
        except ValidationError:
            raise MisbehaviourError("a line that is not in the contract") from None
        if self._over:
            raise MisbehaviourError("a line after the last")
        self._count_line()
        match line:
            case StartedLine():
                self._accept_started(line)
            case OutputLine():
                self._accept_output(line)
            case CaseLine():
                self._accept_case(line)
            case FinishedLine():
                self._accept_record(line.record)
            case FailedLine():
                self._over = True
            case _:
                assert_never(line)
        return line

    def _count_line(self) -> None:
        self._lines += 1
        allowed = _MAX_LINES_BEYOND_OUTPUT + len(self._program.cases)
        allowed += 2 * int(self._program.limits.wall_time_s * 10 + 10) * max(1, len(self._program.cases))
        allowed += 2 * (self._program.limits.output_bytes // OUTPUT_CHUNK_BYTES + 1)
        if self._lines > allowed:
            raise MisbehaviourError("more lines than the limits allow")

    def _accept_started(self, line: StartedLine) -> None:
        if self._started is not None:
            raise MisbehaviourError("it started twice")
        if not satisfies(line.isolation, self._program.isolation):
            raise MisbehaviourError("less isolation than demanded")
        self._started = line

    def _accept_output(self, line: OutputLine) -> None:
        self._need_started()
        data = _decoded(line.data)
        if not data or len(data) > OUTPUT_CHUNK_BYTES:
            raise MisbehaviourError("an output line of a wrong size")
        if line.offset != self._ends[line.stream]:
            raise MisbehaviourError("output that does not go on where it ended")
        self._ends[line.stream] += len(data)
        if self._ends[line.stream] > self._program.limits.output_bytes:
            raise MisbehaviourError("more output than the limit")
        self._digests[line.stream].update(data)

    def _accept_case(self, line: CaseLine) -> None:
        self._need_started()
        if line.case.index != self._next_case or line.case.index >= len(self._program.cases):
            raise MisbehaviourError("a case that is not next")
        self._check_case(line.case)
        self._next_case += 1

    def _accept_record(self, record: ExecutionRecord) -> None:
        began = self._need_started()
        if (record.runtime, record.engine, record.isolation) != (began.runtime, began.engine, began.isolation):
            raise MisbehaviourError("it ran elsewhere than it started")
        self._check_verdict(record.verdict)
        self._check_cases(record)
        for stream, summary in streams_of(record).items():
            self._check_stream(stream, summary)
        self._over = True

    def _check_cases(self, record: ExecutionRecord) -> None:
        wanted = len(self._program.cases)
        decided = record.verdict not in {"compile_error", "cancelled"}
        if len(record.cases) > wanted or (decided and len(record.cases) != wanted):
            raise MisbehaviourError("another number of cases than submitted")
        if any(case.index != place for place, case in enumerate(record.cases)):
            raise MisbehaviourError("cases out of order")
        for case in record.cases:
            self._check_case(case)
        if decided and wanted:
            failing = next((c.verdict for c in record.cases if c.verdict not in {None, "accepted"}), "accepted")
            if record.verdict != failing:
                raise MisbehaviourError("a verdict that its cases do not bear out")

    def _check_case(self, case: CaseResult) -> None:
        if case.name != self._program.cases[case.index].name:
            raise MisbehaviourError("a case of another name than submitted")
        if case.verdict is not None:
            self._check_verdict(case.verdict)

    def _check_verdict(self, verdict: Verdict) -> None:
        if verdict == "internal_error" or (verdict == "cancelled" and not self.kill_asked):
            raise MisbehaviourError("a verdict that is not its to give")

    def _check_stream(self, stream: Stream, summary: StreamSummary) -> None:
        if summary.kept > min(summary.bytes, self._program.limits.output_bytes):
            raise MisbehaviourError("more output than the limit")
        if summary.data is None:
            if self._ends[stream] != summary.kept or self._digests[stream].hexdigest() != summary.sha256:
                raise MisbehaviourError("output that is not what the record says")
            return
        data = _decoded(summary.data)
        if len(data) != summary.kept or len(data) > INLINE_OUTPUT_BYTES:
            raise MisbehaviourError("inline output of a wrong size")
        if hashlib.sha256(data).hexdigest() != summary.sha256 or self._ends[stream] > len(data):
            raise MisbehaviourError("output that is not what the record says")
        if hashlib.sha256(data[: self._ends[stream]]).digest() != self._digests[stream].digest():
            raise MisbehaviourError("output that is not what the record says")

    def _need_started(self) -> StartedLine:
        if self._started is None:
            raise MisbehaviourError("it speaks before it started")
        return self._started


def streams_of(record: ExecutionRecord) -> Mapping[Stream, StreamSummary]:
    """Both streams by name."""
    return {"stdout": record.stdout, "stderr": record.stderr}


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise MisbehaviourError("output that is not base64") from None
