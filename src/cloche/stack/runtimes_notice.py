"""Tells a running executor that the folder of added runtimes has changed."""

import os
import signal
from pathlib import Path
from typing import Final

from cloche.stack import control
from cloche.stack.accounts import is_root
from cloche.stack.child import closed_parent

_SOMEBODY: Final = 65534


def notice(data_dir: Path, shown: Path | None) -> str:
    """Have the executor of this data directory check its runtimes now; when the change has an effect, in words.

    ``shown`` is the directory that was added. An executor with a user of its own sees what
    lies below a closed directory only if it was there when Cloche started.
    """
    found = control.running(data_dir)
    if found is None:
        return "Cloche does not run; it looks there at its next start."
    if shown is not None and is_root():
        closed = closed_parent(str(shown.resolve()), _SOMEBODY, set())
        if closed is not None:
            return f"Its executor sees below {closed} at the next start: cloche down, then cloche up."
    pid = next((child.pid for child in found.children if child.name == "executor"), None)
    try:
        if pid is not None:
            os.kill(pid, signal.SIGHUP)
    except OSError:
        pid = None
    if pid is None:
        return "Its executor looks there at its next self-test, within ten minutes."
    return "Its executor tests every runtime now; 'cloche runtimes' tells how that went."
