"""Which of root's rights this process really has, and whether they suffice for what must be hidden or given away."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cloche.stack.accounts import is_root
from cloche.stack.child import closed_parent
from cloche.stack.spawn import StackError

# Source: <linux/capability.h>
_CAPABILITIES: Final = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SYS_ADMIN": 21}
_NEEDED_AS_ROOT: Final = ("CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID")
_SOMEBODY: Final = 65534


def effective_capabilities() -> set[str]:
    """Those of the named capabilities that this process holds now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return {name for name, bit in _CAPABILITIES.items() if mask >> bit & 1}
    return set()


def check_privileges(needed: Iterable[Path]) -> None:
    """Nothing when services can run apart from each other, or when we are an ordinary user anyway.

    Raises:
        StackError: we are root without the rights to give each service an identity of its own and
            a view of ``needed``; running them all as root instead would be no separation at all.
    """
    if not is_root():
        return
    held = effective_capabilities()
    missing = [name for name in _NEEDED_AS_ROOT if name not in held]
    if missing:
        raise StackError(
            f"Started as root without {', '.join(missing)}, services can't have users of their own. "
            "Run Cloche as an ordinary user, or give these capabilities."
        )
    hidden = sorted({parent for path in needed if (parent := closed_parent(str(path), _SOMEBODY, set()))})
    if hidden and "CAP_SYS_ADMIN" not in held:
        raise StackError(
            f"Cloche needs files below {', '.join(hidden)}, which other users can't enter, and without CAP_SYS_ADMIN "
            "it can't show just those to its services. Install it elsewhere (for example below /opt), "
            "or run it as an ordinary user."
        )
