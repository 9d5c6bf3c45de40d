"""Where the built launcher lies."""

import os
import platform
from pathlib import Path

from cloche.executor.engines.engine import EngineUnusableError


def find_launcher() -> Path:
    """The launcher for this machine's processor.

    Raises:
        EngineUnusableError: it was not built.
    """
    path = Path(__file__).parent / "bin" / f"cell-launcher-{platform.machine()}"
    if not os.access(path, os.X_OK):
        raise EngineUnusableError("the cell launcher is not built: run scripts/build_launcher.py")
    return path
