"""pass@k and how sure it is. No I/O."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod, sqrt
from typing import Final

#: Resamplings of the problems. Their 2.5th and 97.5th percentiles are known well enough by so many.
RESAMPLINGS: Final = 1000
#: Beyond so many problems the mean of a resampling is normal for all purposes, and its interval is computed as such.
MOST_RESAMPLED: Final = 2000
_SEED: Final = 20210707


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of ``problems`` that have at least k samples; ``left_out`` have fewer. None where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None
    problems: int
    left_out: int


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that one of ``k`` samples is right, estimated from ``c`` right ones of ``n``; unbiased; k <= n.

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1.
    """
    if n - c < k:
        return 1.0
    return 1.0 - prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def estimate(rates: Mapping[tuple[int, int], int], k: int) -> Estimate:
    """Of ``rates``: how many problems have (n gradable samples, c of them right). The interval is the middle 95 %."""
    values = [(pass_at_k(n, c, k), count) for (n, c), count in sorted(rates.items()) if n >= k]
    problems = sum(count for _, count in values)
    left_out = sum(rates.values()) - problems
    if not problems:
        return Estimate(None, None, None, 0, left_out)
    mean = sum(value * count for value, count in values) / problems
    if problems == 1:
        return Estimate(mean, None, None, 1, left_out)
    low, high = _interval(tuple(values), problems, mean)
    return Estimate(mean, low, high, problems, left_out)


@lru_cache(maxsize=256)
def _interval(values: tuple[tuple[float, int], ...], problems: int, mean: float) -> tuple[float, float]:
    if len(values) == 1:
        return mean, mean
    if problems > MOST_RESAMPLED:
        variance = sum(count * (value - mean) ** 2 for value, count in values) / problems
        reach = 1.959964 * sqrt(variance / problems)
        return max(0.0, mean - reach), min(1.0, mean + reach)
    generator = random.Random(_SEED)  # noqa: S311  (the same data give the same interval)
    population = [value for value, count in values for _ in range(count)]
    means = sorted(sum(generator.choices(population, k=problems)) / problems for _ in range(RESAMPLINGS))
    return percentile(means, 0.025), percentile(means, 0.975)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Between the two values that enclose it, in proportion; ``ordered`` is not empty."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
