"""When the reaper may end leases: not while workers had no chance to extend them. Pure.

A worker can't heartbeat while this service or PostgreSQL is away. Without grace an outage longer
than a lease would end every run at once, though all of them go on.
"""

from typing import Final

#: A longer gap between two passes counts as an outage. DESIGN section 3.
OUTAGE_S: Final = 5.0


class Grace:
    """Holds leases for one full lease time after a start and after every outage. Times are monotonic seconds."""

    def __init__(self, lease_s: float, started_at: float) -> None:
        self._lease_s = lease_s
        self._quiet_until = started_at + lease_s
        self._last_pass = started_at

    def passed(self, now: float) -> bool:
        """Note a pass of the reaper at ``now``; whether it may end expired leases."""
        if now - self._last_pass > OUTAGE_S:
            self._quiet_until = now + self._lease_s
        self._last_pass = now
        return now >= self._quiet_until
