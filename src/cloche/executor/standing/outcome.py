"""From how an attempt ended to whether the cell held it. Pure."""

from dataclasses import dataclass
from typing import Literal

from cloche.executor.cell import StepFacts
from cloche.executor.standing.attempts import Attempt
from cloche.executor.verdict import judge

#: How much of what a probe says is looked at.
SAID_BYTES = 500
_GOT_THROUGH = "broken: "


@dataclass(frozen=True)
class Outcome:
    """``unclear``: it could not be tried, or ended in a way that proves nothing."""

    word: Literal["held", "broken", "unclear"]
    message: str = ""


HELD = Outcome("held")


def outcome_of(attempt: Attempt, facts: StepFacts, said: bytes) -> Outcome:
    """``said`` is the first of what it wrote on stdout."""
    text = said.decode("utf-8", "replace").strip()
    if text.startswith(_GOT_THROUGH):
        return Outcome("broken", f"A program could {text.removeprefix(_GOT_THROUGH)}.")
    judged = judge(facts)
    if attempt.limit is not None and judged.evidence.limit == attempt.limit:
        return HELD
    if judged.verdict == "accepted" and text == "held":
        return HELD
    return Outcome("unclear", f"It ended otherwise: {judged.message} {text}".strip())
