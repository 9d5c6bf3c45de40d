"""How many of a batch the queue may hold."""

from uuid import uuid4

from cloche.api.batches.window import AHEAD_S, LEAST, MOST, Pace, window


def test_window_is_a_few_seconds_work_within_bounds():
    assert [window(rate) for rate in (0, 1, 100, 1e6)] == [LEAST, LEAST, 100 * AHEAD_S, MOST]


def test_room_is_what_the_window_leaves_and_grows_with_the_pace():
    pace, one = Pace(), uuid4()
    assert pace.room(one, told=0, finished=0, moment=0.0) == LEAST
    assert pace.room(one, told=LEAST, finished=0, moment=0.5) == 0
    assert pace.room(one, told=LEAST, finished=40, moment=0.9) == 40
    assert pace.room(one, told=600, finished=500, moment=5.0) == window(100) - 100
    assert pace.room(one, told=600, finished=500, moment=9.0) == 0
    pace.keep([])
    assert pace.room(one, told=600, finished=600, moment=10.0) == LEAST
