"""Which toolchains a cell without a view of its own can use: those that any user of this machine can reach."""

import stat
from pathlib import Path

from cloche.executor.engines.engine import Toolchain, ToolchainMissingError


def within_reach(toolchains: list[Toolchain]) -> list[Toolchain]:
    """Those that need no path shown elsewhere, and none behind a closed directory.

    Raises:
        ToolchainMissingError: there is none, with the reasons.
    """
    reasons = {toolchain.tool: _obstacle(toolchain) for toolchain in toolchains}
    left = [toolchain for toolchain in toolchains if reasons[toolchain.tool] is None]
    if not left:
        raise ToolchainMissingError("; ".join(f"{tool}: {reason}" for tool, reason in reasons.items()))
    return left


def _obstacle(toolchain: Toolchain) -> str | None:
    if toolchain.placed:
        return "cells of isolation process can't show its packages"
    for path in (toolchain.tool, *toolchain.readonly):
        closed = next((p for p in Path(path).resolve().parents if not p.stat().st_mode & stat.S_IXOTH), None)
        if closed is not None:
            return f"behind {closed}, which cells of isolation process can't enter"
    return None
