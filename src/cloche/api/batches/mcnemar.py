"""Whether two batches differ: McNemar's test on the pairs that only one of them solved. No I/O."""

from dataclasses import dataclass
from math import comb, erfc, sqrt
from typing import Final, Literal

#: Up to so many pairs the test is exact; beyond, the approximation is as good.
MOST_EXACT: Final = 1000


@dataclass(frozen=True, slots=True)
class Chance:
    """``p`` is the chance of a difference at least as large if there were none; two-sided."""

    method: Literal["exact", "continuity"]
    p: float


def mcnemar(only_first: int, only_second: int) -> Chance:
    """Of the pairs that only the first solved, and that only the second did. Pairs are taken as independent.

    Source: McNemar 1947; exact: the binomial test at 1/2; else with Edwards' correction for continuity (1948).
    """
    pairs, fewer = only_first + only_second, min(only_first, only_second)
    if pairs == 0:
        return Chance("exact", 1.0)
    if pairs <= MOST_EXACT:
        tail = sum(comb(pairs, i) for i in range(fewer + 1))
        return Chance("exact", min(1.0, 2 * tail / 2**pairs))
    statistic = max(0, abs(only_first - only_second) - 1) ** 2 / pairs
    return Chance("continuity", erfc(sqrt(statistic / 2)))
