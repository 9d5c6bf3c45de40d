from cloche.client.retry import Retry


def test_tries_are_bounded_and_pauses_grow():
    retry = Retry(tries=4, first_s=1.0, longest_s=3.0)
    pauses = [retry.pause_s() for _ in range(4)]
    assert pauses[3] is None
    for pause, grown in zip(pauses[:3], [1.0, 2.0, 3.0], strict=True):
        assert pause is not None
        assert grown / 2 <= pause <= grown


def test_progress_gives_all_tries_back():
    retry = Retry(tries=2)
    assert retry.pause_s() is not None
    retry.progress()
    assert retry.pause_s() is not None
    assert retry.pause_s() is None


def test_the_server_may_ask_for_a_longer_pause():
    assert Retry().pause_s("7") == 7


def test_a_server_that_asks_for_too_long_is_not_waited_for():
    assert Retry().pause_s("31") is None


def test_a_pause_given_as_a_date_is_not_understood_and_harmless():
    pause = Retry().pause_s("Wed, 21 Oct 2026 07:28:00 GMT")
    assert pause is not None
    assert pause < 1
