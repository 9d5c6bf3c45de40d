"""What the parts of this process tell each other."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from cloche.queue.doorbell import Doorbell


@dataclass(frozen=True, slots=True)
class Signals:
    """``work``: something can be leased. ``outbox``: something is to be published."""

    work: Doorbell = field(default_factory=Doorbell)
    outbox: Doorbell = field(default_factory=Doorbell)

    def work_in(self, delay: timedelta) -> None:
        """Ring ``work`` once ``delay`` is over. Call from the running loop."""
        if delay > timedelta(0):
            asyncio.get_running_loop().call_later(delay.total_seconds(), self.work.ring)
        else:
            self.work.ring()
