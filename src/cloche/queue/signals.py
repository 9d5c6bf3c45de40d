"""What the parts of this process tell each other, and what other replicas are to hear of it."""

import asyncio
from datetime import timedelta
from functools import partial

from cloche.queue.doorbell import Doorbell


class Signals:
    """``work``: something can be leased. ``outbox``: something is to be published.

    ``untold`` is set while other replicas have not heard of a ring. Where running is ``limited``, an end makes room for
    what nobody could lease before.
    """

    def __init__(self, *, limited: bool = False) -> None:
        self._limited = limited
        self.untold = asyncio.Event()
        self._untold_bells: set[str] = set()
        self._bells = {name: Doorbell(partial(self._note, name)) for name in ("work", "outbox")}
        self.work, self.outbox = self._bells.values()

    def work_in(self, delay: timedelta) -> None:
        """Ring ``work`` once ``delay`` is over. Call from the running loop."""
        if delay > timedelta(0):
            asyncio.get_running_loop().call_later(delay.total_seconds(), self.work.ring)
        else:
            self.work.ring()

    def ended(self) -> None:
        """Tell that tasks run or wait no longer."""
        self.outbox.ring()
        if self._limited:
            self.work.ring()

    def take_untold(self) -> str:
        """The names of the bells that rang since the last call, for ``ring_of`` of another replica."""
        names = " ".join(sorted(self._untold_bells))
        self._untold_bells.clear()
        self.untold.clear()
        return names

    def ring_of(self, names: str) -> None:
        """Ring here what rang at another replica; a name of a newer one's is passed over."""
        for name in names.split():
            if name in self._bells:
                self._bells[name].ring_here()

    def ring_all_here(self) -> None:
        """Ring everything: a ring of another replica may have been missed."""
        for bell in self._bells.values():
            bell.ring_here()

    def _note(self, name: str) -> None:
        self._untold_bells.add(name)
        self.untold.set()
