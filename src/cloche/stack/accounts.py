"""Which identity each part has: as root an account of its own, as an ordinary user everybody the same."""

import os
import pwd
from typing import Final

from cloche.stack.spawn import Identity, StackError

#: initdb wants an account that the system knows; these are tried in order.
_POSTGRES_ACCOUNTS: Final = ("postgres", "nobody")


def is_root() -> bool:
    """Whether this process may give others away."""
    return os.geteuid() == 0


def postgres_identity(groups: tuple[int, ...] = ()) -> Identity | None:
    """The account PostgreSQL runs under, which it refuses to do as root; None as an ordinary user.

    Raises:
        StackError: we are root and the system knows none of the accounts.
    """
    if not is_root():
        return None
    for name in _POSTGRES_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Identity(entry.pw_uid, entry.pw_gid, groups)
    raise StackError(
        f"PostgreSQL does not run as root and there is no account {' or '.join(_POSTGRES_ACCOUNTS)}. "
        "Add one (useradd --system postgres), run Cloche as an ordinary user, or give --pg-url."
    )
