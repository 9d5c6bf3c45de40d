from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloche.kit.ids import uuid7, uuid7_floor, uuid7_time


def test_ids_are_uuid_version_7_and_carry_their_time():
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    made = uuid7()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= uuid7_time(made) <= datetime.now(UTC)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  (given UTC)
def test_floor_is_not_above_any_id_of_that_millisecond(moment: datetime):
    floor = uuid7_floor(moment)
    assert floor.version == 7
    assert uuid7_time(floor) <= moment < uuid7_time(floor) + timedelta(milliseconds=1)
