from cloche.contracts.execution import ExecutorOffer, RuntimeOffer
from cloche.contracts.limits import CompileLimits, Limits
from cloche.contracts.submission import File, Program
from cloche.contracts.words import Isolation
from cloche.worker.routing import DOUBT_S, RETRY_S, Breaker, Candidate, choose


def candidate(name: str, *, slots: int = 2, mine: int = 0, isolation: Isolation = "namespace") -> Candidate:
    offer = ExecutorOffer(
        name=name,
        engine="local",
        isolation=isolation,
        slots=slots,
        busy=mine,
        healthy=True,
        runtimes=[RuntimeOffer(name="python", version="3.11")],
    )
    return Candidate(name, offer, mine=mine)


def program(runtime: str = "python", isolation: Isolation = "namespace") -> Program:
    return Program(
        runtime=runtime,
        files=[File(path="m", content="")],
        entrypoint="m",
        limits=Limits(),
        compile_limits=CompileLimits(),
        isolation=isolation,
    )


def chosen(*candidates: Candidate, of: Program | None = None) -> str | None:
    found = choose(candidates, of or program())
    return found.name if found else None


def test_least_loaded_by_share_of_slots_is_chosen():
    assert chosen(candidate("small", slots=2, mine=1), candidate("large", slots=10, mine=3)) == "large"


def test_full_executor_is_not_chosen():
    assert chosen(candidate("full", slots=1, mine=1)) is None


def test_executor_without_the_runtime_is_not_chosen():
    assert chosen(candidate("one"), of=program("java")) is None
    assert chosen(candidate("one"), of=program("python@3.1")) is None


def test_weaker_isolation_is_not_chosen():
    found = chosen(
        candidate("weak"), candidate("strong", mine=1, isolation="gvisor"), of=program(isolation="container")
    )
    assert found == "strong"


def test_what_demands_gvisor_runs_only_where_it_is_offered():
    container, gvisor = candidate("one", isolation="container"), candidate("two", mine=1, isolation="gvisor")
    assert chosen(container, of=program(isolation="gvisor")) is None
    assert chosen(container, gvisor, of=program(isolation="gvisor")) == "two"


def test_failing_executor_is_taken_out_and_tried_again_later():
    time = [0.0]
    breaker = Breaker(clock=lambda: time[0])
    one = candidate("one")
    one.breaker = breaker
    for _ in range(3):
        assert chosen(one) == "one"
        breaker.bad()
    assert chosen(one) is None
    time[0] = RETRY_S
    assert chosen(one) == "one"
    breaker.bad()
    assert chosen(one) is None
    time[0] = 2 * RETRY_S
    breaker.good()
    assert chosen(one) == "one"


def in_doubt(*, mine: int, doubts: int, time: list[float]) -> Candidate:
    one = candidate("one", slots=4, mine=mine)
    one.clock = lambda: time[0]
    for _ in range(doubts):
        one.doubt()
    return one


def busy(one: Candidate, count: int) -> ExecutorOffer:
    assert one.offer is not None
    return one.offer.model_copy(update={"busy": count})


def test_slot_in_doubt_is_free_again_once_the_executor_runs_less_than_is_counted():
    time = [0.0]
    one = in_doubt(mine=3, doubts=2, time=time)
    time[0] = 2.0
    one.settle(busy(one, 3), asked_at=1.0)
    assert (one.mine, one.free()) == (3, 1)
    one.settle(busy(one, 2), asked_at=1.0)
    assert one.mine == 2
    one.settle(busy(one, 0), asked_at=1.0)
    assert one.mine == 1, "what is not in doubt runs"


def test_answer_to_an_older_question_says_nothing_of_a_slot_in_doubt():
    one = in_doubt(mine=1, doubts=1, time=[1.0])
    one.settle(busy(one, 0), asked_at=0.5)
    assert one.mine == 1


def test_slot_in_doubt_is_free_again_after_a_while_whatever_is_offered():
    time = [0.0]
    one = in_doubt(mine=2, doubts=1, time=time)
    time[0] = DOUBT_S / 2
    one.settle(None, asked_at=1.0)
    assert one.mine == 2
    time[0] = DOUBT_S
    one.settle(busy(one, 4), asked_at=1.0)
    assert one.mine == 1


def test_executor_that_gives_no_offer_is_not_healthy():
    one = candidate("one")
    one.settle(None, asked_at=0.0)
    assert chosen(one) is None
    one.settle(candidate("one").offer, asked_at=0.0)
    assert chosen(one) == "one"
