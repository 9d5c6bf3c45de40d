"""Where the built probe lies."""

import os
import platform
from pathlib import Path

from cloche.executor.engines.engine import EngineUnusableError


def find_probe() -> Path:
    """The probe for this machine's processor.

    Raises:
        EngineUnusableError: it was not built.
    """
    path = Path(__file__).parent / "bin" / f"cell-probe-{platform.machine()}"
    if not os.access(path, os.R_OK):
        raise EngineUnusableError("the cell probe is not built: run scripts/build_launcher.py")
    return path
