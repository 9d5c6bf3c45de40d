"""McNemar's test against values computed by hand."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.batches.mcnemar import MOST_EXACT, mcnemar


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 · 1/2
        (5, 0, 0.0625),  # 2 · 1/32
        (0, 6, 0.03125),  # 2 · 1/64
        (1, 9, 0.021484375),  # 2 · (1 + 10)/1024
        (3, 3, 1.0),
        (8, 2, 0.109375),  # 2 · (1 + 10 + 45)/1024
    ],
)
def test_small_numbers_are_exact(first: int, second: int, p: float):
    chance = mcnemar(first, second)
    assert (chance.method, chance.p) == ("exact", pytest.approx(p, abs=1e-15))


def test_large_numbers_take_the_corrected_approximation():
    # (|600 - 500| - 1)² / 1100 = 8.91; the chance of a larger chi-squared with one degree of freedom is 0.002836.
    chance = mcnemar(600, 500)
    assert (chance.method, chance.p) == ("continuity", pytest.approx(0.002836, abs=1e-6))


def test_exact_and_approximate_agree_where_they_meet():
    first, second = 540, 460
    pairs = first + second
    exact = mcnemar(first, second)
    assert pairs == MOST_EXACT
    assert exact.method == "exact"
    assert exact.p == pytest.approx(mcnemar(first + 1, second + 1).p, rel=0.02)


@given(st.integers(0, 400), st.integers(0, 400))
def test_it_is_a_chance_and_takes_no_side(first: int, second: int):
    chance = mcnemar(first, second)
    assert 0 < chance.p <= 1
    assert mcnemar(second, first) == chance
    tail = Fraction(sum(comb(first + second, i) for i in range(min(first, second) + 1)), 2 ** (first + second))
    assert chance.p == pytest.approx(float(min(Fraction(1), 2 * tail)))
