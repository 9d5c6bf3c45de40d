"""Which executor runs a task: able, healthy, trusted, least loaded. No I/O."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cloche.contracts.execution import ExecutorOffer
from cloche.contracts.submission import Program
from cloche.contracts.words import satisfies

#: A breaker opens after this many faults in a row and lets one run through after ``RETRY_S``.
FAULTS_TO_OPEN = 3
RETRY_S = 10.0
#: A slot is used again this long after a run whose end there nobody saw, whatever the executor offers.
DOUBT_S = 10.0


@dataclass(slots=True)
class Breaker:
    """Takes a failing executor out and tries it again now and then."""

    clock: Callable[[], float] = time.monotonic
    faults: int = 0
    _closed_until: float = 0.0

    def allows(self) -> bool:
        """Whether a run may go there now."""
        return self.faults < FAULTS_TO_OPEN or self.clock() >= self._closed_until

    def good(self) -> None:
        """A run went as it should."""
        self.faults = 0

    def bad(self) -> None:
        """A run failed by the executor's fault."""
        self.faults += 1
        if self.faults >= FAULTS_TO_OPEN:
            self._closed_until = self.clock() + RETRY_S


@dataclass(slots=True)
class Candidate:
    """An executor as the router sees it; ``mine`` counts this worker's runs on it, those in doubt too."""

    name: str
    offer: ExecutorOffer | None = None
    mine: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic
    #: Since when runs are in doubt: over for this worker, but their cells may be there yet. Oldest first.
    _doubts: list[float] = field(default_factory=list[float])

    def usable(self) -> bool:
        """Whether runs may go there now, free slots or not."""
        return self.offer is not None and self.offer.healthy and self.breaker.allows()

    def free(self) -> int:
        """Slots that this worker may still use."""
        if self.offer is None or not self.usable():
            return 0
        return max(0, self.offer.slots - self.mine)

    def doubt(self) -> None:
        """A run is over here, and nobody knows whether it is over there."""
        self._doubts.append(self.clock())

    def settle(self, offer: ExecutorOffer | None, asked_at: float) -> None:
        """Take the executor's answer (None: it gave none) to a question of ``asked_at``, by ``clock``.

        Slots in doubt before that are free again as far as it runs less than this worker counts.
        """
        if offer is not None:
            self.offer = offer
        elif self.offer is not None:
            self.offer = self.offer.model_copy(update={"healthy": False})
        while self._doubts:
            has_room = offer is not None and self._doubts[0] < asked_at and offer.busy < self.mine
            if not has_room and self.clock() < self._doubts[0] + DOUBT_S:
                return
            self._doubts.pop(0)
            self.mine -= 1

    def can_run(self, program: Program) -> bool:
        """Whether it offers the runtime at the isolation demanded."""
        return (
            self.offer is not None
            and satisfies(self.offer.isolation, program.isolation)
            and any(runtime.answers_to(program.runtime) for runtime in self.offer.runtimes)
        )


def choose(candidates: Iterable[Candidate], program: Program) -> Candidate | None:
    """The least loaded executor that can run ``program`` now; None when there is none."""
    able = [c for c in candidates if c.free() > 0 and c.can_run(program)]
    return min(able, key=lambda c: c.mine / max(1, c.offer.slots if c.offer else 1), default=None)
