"""What a storm does to the platform, and when: drawn from a seed alone, so that a run can be repeated."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeAlias, TypeVar

Card = TypeVar("Card")
What: TypeAlias = Literal["kill", "freeze", "drop", "half-close", "stall", "fill", "clock"]

SERVICES: Final = ("queue", "worker", "executor", "storage", "web")
STORES: Final = ("postgres", "valkey")
#: Whose callers' connections lead through a proxy.
HOPS: Final = ("postgres", "valkey", "queue", "executor", "web")
#: How long a lease lasts in a storm, in seconds: shorter than usual, so that many run out.
LEASE_S: Final = 10.0
#: Nothing is hurt in the first seconds, which belong to programs that end as if nothing were.
FIRST_S: Final = 3.0
#: What ends every running program comes this far apart, in seconds: an evaluation is given up after three.
APART_S: Final = 8.0
#: How far apart the kills of one part are, in seconds: one that ends sooner waits longer and longer for its start.
_SETTLED_S: Final = 32.0
#: How PostgreSQL's clock moves, in seconds: forward it ends every lease, backward it prolongs them, by less than a
#: verdict may be late after the storm.
_POSTGRES_BY_S: Final = (-15, -8, 8, 15)
_SERVICES_BY_S: Final = (-3600, -60, -5, 5, 60, 3600)
_LONG_FREEZE_S: Final = (LEASE_S + 1, LEASE_S + 4)


@dataclass(frozen=True, slots=True)
class Fault:
    """``what`` is done to ``whom`` at ``at_s`` and undone after ``for_s``. ``by_s`` is how far a clock moves."""

    at_s: float
    what: What
    whom: str
    for_s: float
    by_s: int = 0

    def __str__(self) -> str:
        moved = f" by {self.by_s:+d} s" if self.by_s else ""
        return f"{self.at_s:7.1f} s  {self.what:<10} {self.whom:<9}{moved} for {self.for_s:.1f} s"

    @property
    def ends_runs(self) -> bool:
        """Whether it may end every program that runs."""
        return self.whom in {"worker", "executor"} or (self.what == "clock" and self.whom == "postgres")


#: Whom each kind may hurt, and how often it comes among ten.
_WHOM: Final[dict[What, Sequence[str]]] = {
    "kill": (*SERVICES, *STORES),
    "freeze": (*SERVICES, *STORES),
    "drop": HOPS,
    "half-close": HOPS,
    "stall": HOPS,
    "fill": STORES,
    "clock": ("postgres", *SERVICES),
}
_SHARE: Final[dict[What, int]] = {"kill": 3, "freeze": 2, "drop": 1, "half-close": 1, "stall": 1, "fill": 1, "clock": 1}
KINDS: Final[tuple[What, ...]] = tuple(_WHOM)
#: No small disk can be mounted.
WITHOUT_ROOT: Final[tuple[What, ...]] = tuple(kind for kind in KINDS if kind != "fill")


def make_plan(seed: int, duration_s: float, kinds: Sequence[What] = KINDS) -> list[Fault]:
    """The faults that are over within ``duration_s``, in order; every kind is among each ten of them.

    The same arguments give the same plan, a longer time more of the same. What hurts one part does not overlap with
    what else hurts it; different parts are hurt at the same time now and then.
    """
    dealer = _Dealer(seed, kinds)
    plan: list[Fault] = []
    for fault in dealer.deal():
        if fault.at_s > duration_s:
            return plan
        if fault.at_s + fault.for_s <= duration_s:
            plan.append(fault)
    raise AssertionError("a dealer never ends")


class _Deck(Generic[Card]):
    """Cards that come in random order, each once before any comes again."""

    def __init__(self, cards: Sequence[Card], rng: random.Random) -> None:
        self._cards = cards
        self._rng = rng
        self._left: list[Card] = []

    def draw(self, allowed: Callable[[Card], bool] = lambda _: True) -> Card | None:
        """The next that is allowed; None when none is."""
        if not self._left:
            self._left = list(self._cards)
            self._rng.shuffle(self._left)
        for card in self._left:
            if allowed(card):
                self._left.remove(card)
                return card
        return None


class _Dealer:
    def __init__(self, seed: int, kinds: Sequence[What]) -> None:
        self._rng = random.Random(seed)
        self._kinds: _Deck[What] = _Deck([kind for kind in kinds for _ in range(_SHARE[kind])], self._rng)
        self._whom: dict[What, _Deck[str]] = {kind: _Deck(_WHOM[kind], self._rng) for kind in kinds}
        self._hurt_until: dict[str, float] = {}
        self._killed_at: dict[str, float] = {}
        self._ended_at = -APART_S

    def deal(self) -> Iterator[Fault]:
        at_s = FIRST_S
        what: What | None = None
        while True:
            if what is None:
                what = self._kinds.draw()
            fault = None if what is None else self._fault(what, at_s)
            if fault is not None:
                self._note(fault)
                yield fault
                what = None
            at_s = round(at_s + self._rng.uniform(1.0, 4.0), 1)

    def _fault(self, what: What, at_s: float) -> Fault | None:
        """One that may happen now."""
        whom = self._whom[what].draw(lambda card: self._is_allowed(what, card, at_s))
        return None if whom is None else self._detailed(what, whom, at_s)

    def _is_allowed(self, what: What, whom: str, at_s: float) -> bool:
        if at_s < self._hurt_until.get(whom, 0):
            return False
        if what == "kill" and at_s < self._killed_at.get(whom, -_SETTLED_S) + _SETTLED_S:
            return False
        return not Fault(at_s, what, whom, 0).ends_runs or at_s >= self._ended_at + APART_S

    def _detailed(self, what: What, whom: str, at_s: float) -> Fault:
        by_s = 0
        match what:
            case "kill":
                for_s = self._rng.uniform(0.2, 3.0) if whom in STORES else 0.0
            case "freeze":
                long = whom not in {*STORES, "queue"} and self._rng.random() < 0.3
                for_s = self._rng.uniform(*_LONG_FREEZE_S) if long else self._rng.uniform(0.3, 4.0)
            case "drop":
                for_s = 0.0
            case "half-close" | "stall":
                for_s = self._rng.uniform(1.0, 5.0)
            case "fill":
                for_s = self._rng.uniform(2.0, 5.0)
            case "clock":
                for_s = self._rng.uniform(4.0, 10.0)
                by_s = self._rng.choice(_POSTGRES_BY_S if whom == "postgres" else _SERVICES_BY_S)
        return Fault(at_s, what, whom, round(for_s, 1), by_s)

    def _note(self, fault: Fault) -> None:
        self._hurt_until[fault.whom] = fault.at_s + fault.for_s + 1.0
        if fault.what == "kill":
            self._killed_at[fault.whom] = fault.at_s
        if fault.ends_runs:
            self._ended_at = fault.at_s + fault.for_s
