"""What a storm did to its evaluations: counted from what is stored and what readers were told. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from .load import Followed
from .watching import LINE, LINES

#: How long after the recovery a verdict may still take.
PROMPT_S = 30.0
#: After so many attempts that were lost an evaluation is given up, as the design has it.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """One evaluation in PostgreSQL: its row, its records, what the queue committed, and its last attempt's stdout."""

    id: str
    key: str
    verdict: str | None
    records: int
    exit_code: int | None
    committed: tuple[str, ...]
    faults: int
    output: str


@dataclass(frozen=True)
class Report:
    """The evaluations of each kind by their keys. All but the first group must be empty."""

    accepted: list[str] = field(default_factory=list[str])
    stored: list[str] = field(default_factory=list[str])
    retried: list[str] = field(default_factory=list[str])
    #: ``internal_error`` after three attempts that were lost, which is the rule.
    given_up: list[str] = field(default_factory=list[str])

    #: ``internal_error`` before that.
    innocent: list[str] = field(default_factory=list[str])
    #: Output with lines missing or out of place, stored or as a reader was told it.
    torn: list[str] = field(default_factory=list[str])
    #: Accepted, and no verdict is stored.
    lost: list[str] = field(default_factory=list[str])
    #: Two terminal records, two verdicts for one reader, or two evaluations for one key.
    doubled: list[str] = field(default_factory=list[str])
    #: Two attempts' tokens in one output, or an exit status that is another attempt's.
    mixed: list[str] = field(default_factory=list[str])
    #: A reader was told, or the queue committed, another verdict than the stored one.
    changed: list[str] = field(default_factory=list[str])
    #: No verdict reached its reader within 30 s after the recovery.
    stuck: list[str] = field(default_factory=list[str])

    @property
    def broken(self) -> dict[str, list[str]]:
        """What must not be, as far as it is."""
        must_be_empty = ("innocent", "torn", "lost", "doubled", "mixed", "changed", "stuck")
        return {name: found for name in must_be_empty if (found := getattr(self, name))}

    def __str__(self) -> str:
        rows = [(one.name.replace("_", " "), getattr(self, one.name)) for one in fields(self)]
        return "\n".join(
            f"{name:<10}{len(found):>7}" + (f"   {' '.join(found[:5])}" if name in self.broken else "")
            for name, found in rows
        )


def evidence(report: Report, followed: Sequence[Followed], stored: Sequence[Stored]) -> dict[str, object]:
    """All that is known of what must not be, by key: what is stored and what its reader was told."""
    keys = {key for found in report.broken.values() for key in found}
    rows = {row.id: asdict(row) for row in stored}
    return {one.key: {"stored": rows.get(one.id or ""), "told": asdict(one)} for one in followed if one.key in keys}


def judge(
    followed: Sequence[Followed],
    stored: Sequence[Stored],
    listed: Mapping[str, str],
    recovered_at: float,
    prompt_s: float = PROMPT_S,
) -> Report:
    """Compare. ``listed`` are a second reader's verdicts by id; ``recovered_at`` is of the clock of ``Followed``."""
    by_id = {one.id: one for one in stored}
    keys = Counter(one.key for one in stored)
    report = Report()
    for one in followed:
        if one.id is None:
            continue
        report.accepted.append(one.key)
        if one.told_at is None or one.told_at > max(recovered_at, one.accepted_at) + prompt_s:
            report.stuck.append(one.key)
        row = by_id.get(one.id)
        if row is None or row.verdict is None or row.records == 0:
            report.lost.append(one.key)
            continue
        report.stored.append(one.key)
        told = [*one.seen.verdicts, *([listed[one.id]] if one.id in listed else [])]
        _judge_one(report, one, row, told, keys[one.key])
    return report


def _judge_one(report: Report, one: Followed, row: Stored, told: Sequence[str], of_this_key: int) -> None:
    if row.faults:
        report.retried.append(one.key)
    if row.records > 1 or len(row.committed) > 1 or len(one.seen.verdicts) > 1 or of_this_key > 1:
        report.doubled.append(one.key)
    if {*told, *row.committed} - {row.verdict}:
        report.changed.append(one.key)
    if row.verdict == "internal_error":
        (report.given_up if row.faults >= _ATTEMPTS else report.innocent).append(one.key)
        return
    seen = one.seen.output.get("stdout", "")
    if _is_mixed(row, seen):
        report.mixed.append(one.key)
    if not _is_whole(row.output) or one.seen.torn or (one.seen.verdicts and not one.seen.gaps and seen != row.output):
        report.torn.append(one.key)


def _is_mixed(row: Stored, seen: str) -> bool:
    tokens = {token for token, _ in LINE.findall(row.output + seen)}
    status = int(min(tokens), 16) % 7 if tokens else None
    verdict = "accepted" if status == 0 else "runtime_error"
    return len(tokens) != 1 or row.exit_code != status or row.verdict != verdict


def _is_whole(output: str) -> bool:
    return [int(number) for _, number in LINE.findall(output)] == list(range(LINES))
