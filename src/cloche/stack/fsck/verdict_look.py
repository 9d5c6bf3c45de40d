"""What one finished evaluation says in its columns, its record, its output and the queue's result. No I/O."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from cloche.stack.fsck.disagreement import Disagreement
from cloche.storage.fold import STREAM_NUMBERS

#: Of a record that PostgreSQL refused another is stored, and that is no disagreement.
_REFUSED: Final = "record_refused"


def look_at_finished(row: Any, output: Mapping[int, Any]) -> Iterator[Disagreement]:
    """What disagrees in a row of ``records_page``; ``output`` has what is stored of each stream, by its number.

    A record may hold anything: what can't be read is a finding, not an end of looking.
    """
    subject = str(row["id"])
    try:
        record = orjson.loads(row["record"])
        evidence: str | None = record["evidence"].get("detail")
        verdict, attempt = record["verdict"], record["attempt"]
        wrong_output = _wrong_output(record, row["missing"], output)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Disagreement("record_unreadable", subject, f"{row['verdict']}")
        return
    told = f"evaluation {row['verdict']}, record {verdict}, queue {row['queue_verdict'] or 'none'}"
    queue_differs = row["queue_verdict"] not in {None, row["verdict"]} and row["queue_outcome"] != "dead"
    if row["verdict"] != verdict or (queue_differs and evidence != _REFUSED):
        yield Disagreement("verdict_differs", subject, told)
    queue_attempt = _attempt_of(row["queue_record"])
    if row["attempt"] != attempt or queue_attempt not in {None, attempt}:
        told = f"evaluation {row['attempt']}, record {attempt}, queue {queue_attempt or 'none'}"
        yield Disagreement("attempt_differs", subject, told)
    if wrong_output:
        yield Disagreement("output_differs", subject, wrong_output)


def _attempt_of(record: bytes | None) -> int | None:
    try:
        return None if record is None else orjson.loads(record)["attempt"]
    except (ValueError, KeyError, TypeError):
        return None


def _wrong_output(record: Any, missing_json: str, output: Mapping[int, Any]) -> str | None:
    """The first stream that is not as the record says, but for what is named missing."""
    run = record.get("execution")
    missing = orjson.loads(missing_json)
    for stream, number in STREAM_NUMBERS.items() if run else ():
        have = output.get(number)
        have_bytes: int = have["bytes"] if have else 0
        expected: int = run[stream]["kept"] - sum(end - start for start, end in missing.get(stream, ()))
        if have_bytes != expected:
            return f"{stream}: {have_bytes} bytes instead of {expected}"
        digest: str = run[stream]["sha256"]
        if have and digest and not missing.get(stream) and have["sha256"] != digest:
            return f"{stream}: other bytes"
    return None
