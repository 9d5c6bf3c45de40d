"""Build hook: the wheel carries the built page and the cell launcher, so it is made for one platform."""

import platform
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Refuses to build a wheel without the page and the launcher; an editable install needs neither."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check what must be in the wheel and name its platform."""
        if version == "editable":
            return
        package = Path(self.root) / "src" / "cloche"
        page = package / "stack" / "web_dist" / "index.html"
        launcher = package / "executor" / "launcher" / "bin" / f"cell-launcher-{platform.machine()}"
        for needed in (page, launcher):
            if not needed.exists():
                raise RuntimeError(f"{needed.relative_to(self.root)} is not built: run `make setup` first")
        build_data["force_include"]["runtimes"] = "cloche/executor/runtimes"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_28_{platform.machine()}"
