"""How the evaluations of a batch are counted: measures, and the buckets that values fall into.

Times and memory are counted in buckets whose bounds grow by the fourth root of two, so that a quantile is known to
within 19 % whatever it is, and a batch of any size costs a few hundred numbers.
"""

import math
from typing import Final, get_args

from cloche.contracts.words import Verdict

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
#: Verdicts that say nothing about the program; no metric counts them.
UNGRADABLE: Final[frozenset[Verdict]] = frozenset({"internal_error", "cancelled"})

#: The bucket of ``MEASURE_VERDICT`` is the verdict's place in ``VERDICTS``; the others hold only what is gradable.
MEASURE_VERDICT: Final = 0
MEASURE_WALL_MS: Final = 1
MEASURE_CPU_MS: Final = 2
MEASURE_MEMORY_BYTES: Final = 3

_STEPS: Final = 4
#: The upper bound of bucket 0, by measure; the unit is the measure's.
FIRST_BOUND: Final = {MEASURE_WALL_MS: 0.125, MEASURE_CPU_MS: 0.125, MEASURE_MEMORY_BYTES: 65536.0}
#: The last bucket is for all that is larger as well: than 50 minutes, than a TiB.
LAST_BUCKET: Final = 99


def is_gradable(verdict: Verdict) -> bool:
    """Whether it says something about the program."""
    return verdict not in UNGRADABLE


def bucket_of(measure: int, value: float) -> int:
    """The bucket that ``value`` (finite, not negative) falls into: the first whose upper bound it does not pass."""
    first = FIRST_BOUND[measure]
    if value <= first:
        return 0
    number = math.ceil(math.log2(value / first) * _STEPS - 1e-9)
    return min(number, LAST_BUCKET)


def upper_bound(measure: int, bucket: int) -> float:
    """The largest value of a bucket."""
    return FIRST_BOUND[measure] * 2 ** (bucket / _STEPS)
