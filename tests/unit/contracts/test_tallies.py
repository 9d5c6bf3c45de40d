"""Buckets: each value in one, bounds that hold."""

from hypothesis import given
from hypothesis import strategies as st

from cloche.contracts.tallies import FIRST_BOUND, LAST_BUCKET, bucket_of, upper_bound

MEASURES = st.sampled_from(sorted(FIRST_BOUND))


@given(MEASURES, st.floats(0, 1e13, allow_nan=False))
def test_value_is_in_the_first_bucket_that_holds_it(measure: int, value: float):
    bucket = bucket_of(measure, value)
    assert 0 <= bucket <= LAST_BUCKET
    if bucket < LAST_BUCKET:
        assert value <= upper_bound(measure, bucket) * (1 + 1e-9)
    if bucket > 0:
        assert value > upper_bound(measure, bucket - 1) * (1 - 1e-9)


@given(MEASURES, st.integers(0, LAST_BUCKET))
def test_bound_belongs_to_its_own_bucket(measure: int, bucket: int):
    assert bucket_of(measure, upper_bound(measure, bucket)) == bucket


def test_quantile_is_never_more_than_a_fifth_too_large():
    assert upper_bound(1, 1) / upper_bound(1, 0) < 1.2
