"""What the standing self-test of one tier found out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from cloche.contracts.capabilities import DefenceTest, TierTests
from cloche.contracts.execution import BrokenDefence, TierOffer
from cloche.contracts.values import as_message
from cloche.executor.engines.engine import Tier
from cloche.executor.standing.attempts import Attempt
from cloche.executor.standing.outcome import HELD, Outcome


@dataclass(frozen=True)
class TierReport:
    """One self-test of one tier. ``tested_at`` None: it has not been tested."""

    tier: Tier
    tests: tuple[DefenceTest, ...] = ()
    tested_at: str | None = None
    duration_ms: int = 0

    @property
    def broken(self) -> list[DefenceTest]:
        """What got through or could not be tried."""
        return [test for test in self.tests if not test.held]

    @property
    def healthy(self) -> bool:
        """Whether programs may run there: every test held, and there were some."""
        return bool(self.tests) and not self.broken

    def offer(self) -> TierOffer:
        """As workers see it."""
        return TierOffer(
            isolation=self.tier.isolation,
            healthy=self.healthy,
            features=list(self.tier.features),
            lacking=[as_message(said) for said in self.tier.lacking],
            held=len(self.tests) - len(self.broken),
            broken=[BrokenDefence(name=test.name, message=test.message) for test in self.broken],
            tested_at=self.tested_at,
        )

    def details(self) -> TierTests:
        """As people see it."""
        return TierTests(isolation=self.tier.isolation, duration_ms=self.duration_ms, tests=list(self.tests))


def as_tests(outcomes: Iterable[tuple[Attempt, Outcome]]) -> tuple[DefenceTest, ...]:
    """One test a name: it held when it held every time."""
    found: dict[str, DefenceTest] = {}
    for attempt, outcome in outcomes:
        if attempt.name not in found or found[attempt.name].held:
            found[attempt.name] = DefenceTest(
                name=attempt.name,
                threat=as_message(attempt.threat),
                held=outcome == HELD,
                message=as_message(outcome.message),
            )
    return tuple(found.values())
