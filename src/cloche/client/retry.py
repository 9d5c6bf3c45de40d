"""How often a call is sent again, and when. No I/O."""

import random
from dataclasses import dataclass
from typing import Final

#: Statuses that mean "not now". Everything else the server said is its answer.
RETRIED_STATUSES: Final = frozenset({429, 503})
#: A server that asks for a longer pause than this is not waited for.
MAX_PAUSE_S: Final = 30.0


@dataclass(slots=True)
class Retry:
    """At most ``tries`` sendings without progress, with growing, jittered pauses between them."""

    tries: int = 4
    first_s: float = 0.2
    longest_s: float = 5.0
    failed: int = 0

    def progress(self) -> None:
        """Something new arrived: count from the beginning."""
        self.failed = 0

    def pause_s(self, retry_after: str | None = None) -> float | None:
        """Count a failure; the seconds to wait before the next try, or None when it is over.

        ``retry_after`` is the header of that name; only its form in seconds is known.
        """
        self.failed += 1
        asked = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
        if self.failed >= self.tries or asked > MAX_PAUSE_S:
            return None
        grown = min(self.longest_s, self.first_s * 2 ** (self.failed - 1))
        jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311  (spreads clients; no secret)
        return max(asked, jittered)
