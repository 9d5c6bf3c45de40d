"""How many of a batch's evaluations the queue may hold: a few seconds' work, as measured. No I/O."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

#: So many wait in the queue, in seconds of what ended lately: a pause takes hold after about as long.
AHEAD_S: Final = 3.0
LEAST: Final = 64
MOST: Final = 2000
#: A rate is measured over at least so long.
_MEASURED_S: Final = 1.0


def window(rate_per_s: float) -> int:
    """How many the queue may hold where so many end in a second."""
    return int(min(MOST, max(LEAST, rate_per_s * AHEAD_S)))


@dataclass(slots=True)
class _Seen:
    moment: float
    finished: int
    rate_per_s: float = 0.0


class Pace:
    """Remembers how fast each batch goes."""

    def __init__(self) -> None:
        self._seen: dict[UUID, _Seen] = {}

    def room(self, batch_id: UUID, told: int, finished: int, moment: float) -> int:
        """How many more may be told at ``moment``, in seconds of a monotonic clock."""
        seen = self._seen.setdefault(batch_id, _Seen(moment, finished))
        if moment - seen.moment >= _MEASURED_S:
            rate = max(0, finished - seen.finished) / (moment - seen.moment)
            seen.moment, seen.finished, seen.rate_per_s = moment, finished, rate
        return max(0, window(seen.rate_per_s) - (told - finished))

    def keep(self, batch_ids: Collection[UUID]) -> None:
        """Forget all others."""
        self._seen = {one: seen for one, seen in self._seen.items() if one in batch_ids}
